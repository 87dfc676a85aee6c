import { Button, Code, CopyButton, Modal, NumberInput, Select, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post, remove } from "../../api/client";
import type { NewToken, Role, Token } from "../../api/model";
import { tokensQuery } from "../../api/queries";
import { useMe } from "../../app/session";
import { Ago } from "../../components/Ago";
import { Tag } from "../../components/marks";
import { Table } from "../../components/Page";
import { describe, Empty, Read } from "../../components/states";
import css from "./users.module.css";

/** The tokens of programs. A secret is shown once, when it is made. */
export function Tokens() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const tokens = useQuery(tokensQuery);
  const [making, setMaking] = useState(false);
  const [doomed, setDoomed] = useState<Token | null>(null);
  const revoke = useMutation({
    mutationFn: (token: Token) => remove(`/tokens/${encodeURIComponent(token.id)}`),
    onSuccess: () => {
      setDoomed(null);
      void client.invalidateQueries({ queryKey: ["tokens"] });
    },
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  return (
    <>
      <Read query={tokens} rows={2}>
        {(data) =>
          data.length === 0 ? (
            <Empty title={t("users.noTokens")} />
          ) : (
            <div className={css["list"]}>
              <Table
                label={t("users.tokens")}
                head={
                  <>
                    <th>{t("users.tokenName")}</th>
                    <th>{t("users.role")}</th>
                    <th className="num">{t("users.created")}</th>
                    <th className="num">{t("users.used")}</th>
                    <th className="num">{t("users.expires")}</th>
                    <th />
                  </>
                }
              >
                {data.map((token) => (
                  <tr key={token.id}>
                    <td>
                      <b className={css["name"]}>{token.name}</b>
                    </td>
                    <td>
                      <Tag>{t(`role.${token.role}`)}</Tag>
                    </td>
                    <td className="num" data-label={t("users.created")}>
                      <Ago at={token.created} />
                    </td>
                    <td className="num" data-label={t("users.used")}>
                      {token.last_used ? <Ago at={token.last_used} /> : <span className="dim">{t("users.never")}</span>}
                    </td>
                    <td className="num" data-label={t("users.expires")}>
                      {token.expires ? <Ago at={token.expires} /> : <span className="dim">{t("users.never")}</span>}
                    </td>
                    <td className="num">
                      <Button variant="subtle" color="red" size="compact-xs" leftSection={<IconTrash size={13} />} onClick={() => setDoomed(token)}>
                        {t("users.revoke")}
                      </Button>
                    </td>
                  </tr>
                ))}
              </Table>
            </div>
          )
        }
      </Read>
      {tokens.data && (
        <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => setMaking(true)} mt="sm">
          {t("users.addToken")}
        </Button>
      )}
      {making && <Maker onClose={() => setMaking(false)} />}
      <Modal opened={doomed !== null} onClose={() => setDoomed(null)} title={t("users.revokeTitle", { name: doomed?.name ?? "" })} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
        <p className="dim">{t("users.revokeHint")}</p>
        <div className={css["formBar"]}>
          <Button variant="default" onClick={() => setDoomed(null)} data-autofocus>
            {t("states.cancel")}
          </Button>
          <Button color="red" loading={revoke.isPending} onClick={() => doomed && revoke.mutate(doomed)}>
            {t("users.revoke")}
          </Button>
        </div>
      </Modal>
    </>
  );
}

function Maker({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState<number | string>(365);
  const make = useMutation({
    mutationFn: () => post<NewToken>("/tokens", { name: name.trim(), role, days: Number(days) || 0 }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["tokens"] }),
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  const secret = make.data?.secret;
  return (
    <Modal opened onClose={onClose} title={t("users.addToken")} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
      {secret ? (
        <div className={css["form"]}>
          <p>{t("users.secretOnce")}</p>
          <Code block>{secret}</Code>
          <div className={css["formBar"]}>
            <CopyButton value={secret}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {t(copied ? "users.copied" : "users.copy")}
                </Button>
              )}
            </CopyButton>
            <Button onClick={onClose}>{t("help.close")}</Button>
          </div>
        </div>
      ) : (
        <form
          className={css["form"]}
          onSubmit={(e) => {
            e.preventDefault();
            make.mutate();
          }}
        >
          <TextInput label={t("users.tokenName")} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={64} data-autofocus />
          <Select label={t("users.role")} value={role} onChange={(v) => v && setRole(v as Role)} data={me.roles.map((value) => ({ value, label: t(`role.${value as Role}`) }))} allowDeselect={false} />
          <NumberInput label={t("users.days")} description={t("users.daysHint")} value={days} onChange={setDays} min={0} max={3660} allowDecimal={false} size="xs" />
          <div className={css["formBar"]}>
            <Button variant="default" onClick={onClose}>
              {t("states.cancel")}
            </Button>
            <Button type="submit" loading={make.isPending}>
              {t("users.make")}
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}
