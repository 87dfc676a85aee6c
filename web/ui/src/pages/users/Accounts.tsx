import { Button, Modal, PasswordInput, Select, Switch, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { patch, post } from "../../api/client";
import type { Role, User } from "../../api/model";
import { techniciansQuery, usersQuery } from "../../api/queries";
import { useNames } from "../../app/names";
import { useMe } from "../../app/session";
import { Ago } from "../../components/Ago";
import { Tag } from "../../components/marks";
import { Table } from "../../components/Page";
import { describe, Read } from "../../components/states";
import { languages } from "../../i18n";
import css from "./users.module.css";

/** The accounts of people; choosing one edits it. */
export function Accounts() {
  const { t } = useTranslation();
  const users = useQuery(usersQuery);
  const nameOf = useNames();
  const [editing, setEditing] = useState<User | "new" | null>(null);
  return (
    <>
      <Read query={users} rows={4}>
        {(data) => (
          <div className={css["list"]}>
            <Table
              label={t("users.people")}
              head={
                <>
                  <th>{t("signin.name")}</th>
                  <th>{t("users.display")}</th>
                  <th>{t("users.role")}</th>
                  <th>{t("users.technician")}</th>
                  <th className="num">{t("users.created")}</th>
                  <th />
                </>
              }
            >
              {data.map((u) => (
                <tr key={u.id}>
                  <td>
                    <b className={css["name"]}>{u.name}</b> {u.disabled && <Tag tone="warning">{t("users.disabled")}</Tag>}
                  </td>
                  <td>{u.display}</td>
                  <td>
                    <Tag tone={u.role === "admin" ? "accent" : undefined}>{t(`role.${u.role}`)}</Tag>
                  </td>
                  <td>{nameOf("assignee", u.technician)}</td>
                  <td className="num" data-label={t("users.created")}>
                    <Ago at={u.created} />
                  </td>
                  <td className="num">
                    <Button variant="subtle" color="gray" size="compact-xs" onClick={() => setEditing(u)} aria-label={t("users.editOne", { name: u.name })}>
                      {t("users.edit")}
                    </Button>
                  </td>
                </tr>
              ))}
            </Table>
          </div>
        )}
      </Read>
      {users.data && (
        <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => setEditing("new")} mt="sm" data-testid="new-user">
          {t("users.add")}
        </Button>
      )}
      {editing && <Editor key={editing === "new" ? "new" : editing.id} user={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
    </>
  );
}

function Editor({ user, onClose }: { user: User | null; onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const client = useQueryClient();
  const technicians = useQuery(techniciansQuery);
  const [name, setName] = useState(user?.name ?? "");
  const [display, setDisplay] = useState(user?.display ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "technician");
  const [language, setLanguage] = useState(user?.language ?? "");
  const [technician, setTechnician] = useState(user?.technician ?? "");
  const [password, setPassword] = useState("");
  const [disabled, setDisabled] = useState(user?.disabled ?? false);

  const save = useMutation({
    mutationFn: () => {
      const common = { display, role, technician, ...(language ? { language } : {}), ...(password ? { password } : {}) };
      return user ? patch<User>(`/users/${encodeURIComponent(user.name)}`, { ...common, disabled }) : post<User>("/users", { ...common, name: name.trim() });
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["users"] });
      onClose();
    },
    onError: (error) => notifications.show({ color: "red", title: t("states.failed"), message: describe(error) }),
  });
  return (
    <Modal opened onClose={onClose} title={user ? user.name : t("users.add")} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
      <form
        className={css["form"]}
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate();
        }}
      >
        {!user && <TextInput label={t("signin.name")} value={name} onChange={(e) => setName(e.currentTarget.value)} required autoComplete="off" data-autofocus />}
        <TextInput label={t("users.display")} value={display} onChange={(e) => setDisplay(e.currentTarget.value)} />
        <Select label={t("users.role")} value={role} onChange={(v) => v && setRole(v as Role)} data={me.roles.map((value) => ({ value, label: t(`role.${value as Role}`) }))} allowDeselect={false} />
        <Select
          label={t("users.technician")}
          description={t("users.technicianHint")}
          value={technician || null}
          onChange={(v) => setTechnician(v ?? "")}
          data={(technicians.data ?? []).map((p) => ({ value: p.id, label: p.name }))}
          searchable
          clearable
        />
        <Select label={t("nav.language")} value={language || null} onChange={(v) => setLanguage(v ?? "")} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} clearable />
        <PasswordInput
          label={t(user ? "users.newPassword" : "signin.password")}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          required={!user}
          autoComplete="new-password"
        />
        {user && <Switch label={t("users.disabled")} checked={disabled} onChange={(e) => setDisabled(e.currentTarget.checked)} disabled={user.name === me.user} />}
        <div className={css["formBar"]}>
          <Button variant="default" onClick={onClose}>
            {t("states.cancel")}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t("states.save")}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
