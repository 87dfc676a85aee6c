export type Piece = { text: string; kind: "key" | "comment" | "string" | "number" | "plain" };

/** Cuts a line of YAML into pieces to colour. It only colours: what it misreads is still shown as it is. */
export function pieces(line: string): Piece[] {
  const comment = /(^|\s)#.*$/.exec(line);
  const body = comment ? line.slice(0, comment.index + comment[1]!.length) : line;
  const out: Piece[] = [];
  const key = /^(\s*(?:- )*\s*)([^\s:#'"[{][^:#]*?|"[^"]*"|'[^']*')(:)(?=\s|$)/.exec(body);
  let rest = body;
  if (key) {
    out.push({ text: key[1]!, kind: "plain" }, { text: key[2]!, kind: "key" }, { text: key[3]!, kind: "plain" });
    rest = body.slice(key[0].length);
  }
  if (rest) {
    const value = rest.trim();
    const kind = /^["'].*["']$/.test(value) ? "string" : /^-?\d[\d_.eE+-]*(ms|s|m|h|d|%)?$|^(true|false|null|~)$/.test(value) ? "number" : "plain";
    out.push({ text: rest, kind });
  }
  if (comment) out.push({ text: line.slice(body.length), kind: "comment" });
  return out;
}
