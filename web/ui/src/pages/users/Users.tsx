import { Page, Section, Body } from "../../components/Page";
import { useTranslation } from "react-i18next";
import { Accounts } from "./Accounts";
import { Tokens } from "./Tokens";

/** Who may sign in, and which programs may. */
export function Users() {
  const { t } = useTranslation();
  return (
    <Page title={t("nav.users")}>
      <Body>
        <Section title={t("users.people")}>
          <Accounts />
        </Section>
        <Section title={t("users.tokens")} note={t("users.tokensNote")}>
          <Tokens />
        </Section>
      </Body>
    </Page>
  );
}
