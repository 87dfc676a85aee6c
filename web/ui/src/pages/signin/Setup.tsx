import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import { post, Problem } from "../../api/client";
import type { Me } from "../../api/model";
import { useTab } from "../../components/Page";
import { describe } from "../../components/states";
import { Frame } from "./Frame";
import css from "./signin.module.css";

/** The first account, an admin's, made with the link that the server printed when it started. */
export function Setup() {
  const { t, i18n } = useTranslation();
  useTab(t("setup.title"));
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params] = useSearchParams();
  const token = params.get("token") ?? "";
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const differ = again !== "" && again !== password;
  const setUp = useMutation({
    mutationFn: () => post<Me>("/setup", { token, name: name.trim(), password, language: i18n.language }),
    onSuccess: (data) => {
      client.clear();
      client.setQueryData(["me"], data);
      void navigate("/", { replace: true });
    },
  });

  if (token === "")
    return (
      <Frame title={t("setup.title")}>
        <p className={css["hint"]}>{t("setup.noToken")}</p>
        <Button component={Link} to="/signin" variant="default" size="sm" fullWidth>
          {t("signin.title")}
        </Button>
      </Frame>
    );
  const spent = setUp.error instanceof Problem && [401, 403, 404, 409, 410].includes(setUp.error.status);
  return (
    <Frame title={t("setup.title")}>
      <form
        className={css["form"]}
        onSubmit={(e) => {
          e.preventDefault();
          if (!differ) setUp.mutate();
        }}
      >
        <p className={css["hint"]}>{t("setup.hint")}</p>
        {setUp.error && (
          <Alert color="red" variant="light" p="xs" role="alert">
            {spent ? `${t("setup.spent")} ${describe(setUp.error)}` : describe(setUp.error) || t("states.unreachable")}
          </Alert>
        )}
        <TextInput
          label={t("signin.name")}
          size="sm"
          name="name"
          autoComplete="username"
          autoCapitalize="none"
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          required
          withAsterisk={false}
          autoFocus
          data-testid="name"
        />
        <PasswordInput
          label={t("setup.password")}
          size="sm"
          name="new-password"
          autoComplete="new-password"
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          required
          withAsterisk={false}
          data-testid="password"
        />
        <PasswordInput
          label={t("setup.again")}
          size="sm"
          name="again"
          autoComplete="new-password"
          value={again}
          onChange={(e) => setAgain(e.currentTarget.value)}
          error={differ ? t("setup.differ") : null}
          required
          withAsterisk={false}
          data-testid="password-again"
        />
        <Button type="submit" size="sm" fullWidth loading={setUp.isPending} disabled={differ} data-testid="set-up">
          {t("setup.submit")}
        </Button>
      </form>
    </Frame>
  );
}
