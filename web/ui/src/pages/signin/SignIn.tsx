import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { post, Problem, UNREACHABLE } from "../../api/client";
import type { Me } from "../../api/model";
import { meQuery } from "../../api/queries";
import { useTab } from "../../components/Page";
import { describe } from "../../components/states";
import { Frame } from "./Frame";
import css from "./signin.module.css";

/** Where to go after signing in: only to paths of this application. */
function safeNext(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : "/";
}

export function SignIn() {
  const { t } = useTranslation();
  useTab(t("signin.title"));
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params] = useSearchParams();
  const next = safeNext(params.get("next"));
  const me = useQuery({ ...meQuery, staleTime: 0 });
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => post<Me>("/session", { name: name.trim(), password }),
    onSuccess: (data) => {
      client.clear();
      client.setQueryData(["me"], data);
      void navigate(next, { replace: true });
    },
  });
  if (me.data && !me.data.anonymous && !signIn.isPending) return <Navigate to={next} replace />;

  const wrong = signIn.error instanceof Problem && signIn.error.status === 401;
  const away = signIn.error instanceof Problem && signIn.error.status === UNREACHABLE;
  return (
    <Frame title={t("signin.title")}>
      <form
        className={css["form"]}
        onSubmit={(e) => {
          e.preventDefault();
          signIn.mutate();
        }}
      >
        {signIn.error && (
          <Alert color="red" variant="light" p="xs" role="alert">
            {wrong ? t("signin.wrong") : away ? t("states.unreachable") : describe(signIn.error)}
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
          label={t("signin.password")}
          size="sm"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          required
          withAsterisk={false}
          data-testid="password"
        />
        <Button type="submit" size="sm" fullWidth loading={signIn.isPending} data-testid="sign-in">
          {t("signin.submit")}
        </Button>
        <p className={css["hint"]}>{t("signin.hint")}</p>
      </form>
    </Frame>
  );
}
