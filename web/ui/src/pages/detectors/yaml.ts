export interface Piece {
  text: string;
  kind: "key" | "comment" | "string" | "number" | "plain";
}

const token =
  /(?<comment>(?:^|(?<=\s))#.*$)|(?<string>"(?:[^"\\]|\\.)*"|'[^']*')|(?<key>[A-Za-z_][\w./*-]*(?=:(?:\s|$)))|(?<number>(?<![\w.-])-?\d[\d._]*(?:ms|s|m|h|d|%)?(?![\w.-])|\b(?:true|false|null)\b)/g;

/** Cuts a line of YAML into pieces to colour. It only colours: what it misreads is still shown as it is. */
export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  let end = 0;
  for (const match of line.matchAll(token)) {
    if (match.index > end) out.push({ text: line.slice(end, match.index), kind: "plain" });
    const kind = (["comment", "string", "key", "number"] as const).find((k) => match.groups?.[k] !== undefined) ?? "plain";
    out.push({ text: match[0], kind });
    end = match.index + match[0].length;
  }
  if (end < line.length) out.push({ text: line.slice(end), kind: "plain" });
  return out;
}
