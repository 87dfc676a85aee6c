import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, type ReactNode } from "react";
import { Navigate, useLocation } from "react-router";
import { Problem, remove } from "../api/client";
import type { Me } from "../api/model";
import { meQuery } from "../api/queries";
import { Failure, Loading } from "../components/states";
import { hasChosenLanguage, i18n, languages } from "../i18n";
import { LiveProvider } from "../live/Live";

const Context = createContext<Me | null>(null);

/** Shows its children to whoever is signed in and sends everybody else to the sign-in page. */
export function Signed({ children }: { children: ReactNode }) {
  const location = useLocation();
  const me = useQuery(meQuery);
  const language = me.data?.language;
  useEffect(() => {
    if (language && language in languages && !hasChosenLanguage()) void i18n.changeLanguage(language);
  }, [language]);

  if (me.error instanceof Problem && me.error.status === 401) {
    const next = location.pathname + location.search;
    return <Navigate to={next === "/" ? "/signin" : `/signin?next=${encodeURIComponent(next)}`} replace />;
  }
  if (me.data)
    return (
      <Context value={me.data}>
        <LiveProvider>{children}</LiveProvider>
      </Context>
    );
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  return <Loading />;
}

/** Who is signed in. Only for pages inside {@link Signed}. */
export function useMe(): Me {
  const me = useContext(Context);
  if (!me) throw new Error("useMe outside of Signed");
  return me;
}

/** The operations of the API that pages offer only to those who may use them. */
export type Operation =
  | "list-quarantine"
  | "retry-quarantine"
  | "delete-quarantine"
  | "reload-catalog"
  | "set-detector-level"
  | "list-notices"
  | "create-maintenance"
  | "change-maintenance"
  | "end-maintenance"
  | "set-detector-stage"
  | "list-users"
  | "list-tokens"
  | "inject-fault"
  | "comment-ticket"
  | "assign-ticket";

/** Whether the person may use an operation; the server has the last word, this decides what is offered. */
export function useMay(): (operation: Operation) => boolean {
  const { may } = useMe();
  return (operation) => may.includes(operation);
}

export function useSignOut(): () => void {
  const client = useQueryClient();
  return () => {
    void remove("/session").finally(() => {
      client.clear();
      window.location.assign("/signin");
    });
  };
}
