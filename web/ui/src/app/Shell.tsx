import { ActionIcon, Kbd, Menu, Modal, Tooltip, UnstyledButton, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import {
  IconActivity,
  IconAdjustmentsAlt,
  IconBiohazard,
  IconCheck,
  IconDeviceDesktop,
  IconDots,
  IconInfoCircle,
  IconKeyboard,
  IconLanguage,
  IconLayoutGrid,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconListDetails,
  IconLogout,
  IconMoon,
  IconSun,
  IconTargetArrow,
  IconTool,
  IconUsers,
} from "@tabler/icons-react";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useState, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet, useNavigate } from "react-router";
import { countsQuery, demoQuery, noticesQuery } from "../api/queries";
import { chooseLanguage, languages, type Language } from "../i18n";
import { useLiveStatus, useNotices } from "../live/Live";
import { useMay, useMe, useSignOut } from "./session";
import css from "./shell.module.css";
import { useShortcuts } from "./shortcuts";

type Icon = ComponentType<{ size?: number; stroke?: number }>;
type Label = "queue" | "fleet" | "findings" | "demo" | "maintenance" | "quarantine" | "detectors" | "users" | "about";

interface Place {
  to: string;
  label: Label;
  icon: Icon;
  key: string;
  show: boolean;
}

/** The places of the application that the person may go to, the most used first. */
function usePlaces(): { work: Place[]; system: Place[] } {
  const may = useMay();
  const demo = useQuery(demoQuery);
  return {
    work: [
      { to: "/tickets", label: "queue" as const, icon: IconListDetails, key: "q", show: true },
      { to: "/fleet", label: "fleet" as const, icon: IconLayoutGrid, key: "f", show: true },
      { to: "/findings", label: "findings" as const, icon: IconActivity, key: "i", show: true },
      { to: "/demo", label: "demo" as const, icon: IconTargetArrow, key: "d", show: Boolean(demo.data) },
    ].filter((p) => p.show),
    system: [
      { to: "/maintenance", label: "maintenance" as const, icon: IconTool, key: "m", show: true },
      { to: "/detectors", label: "detectors" as const, icon: IconAdjustmentsAlt, key: "e", show: true },
      { to: "/quarantine", label: "quarantine" as const, icon: IconBiohazard, key: "r", show: may("list-quarantine") },
      { to: "/users", label: "users" as const, icon: IconUsers, key: "u", show: may("list-users") },
      { to: "/about", label: "about" as const, icon: IconInfoCircle, key: "a", show: true },
    ].filter((p) => p.show),
  };
}

const NARROW = "presage.sidebar.narrow";

/** The frame of every page: where to go, how live it is, who is signed in. */
export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { work, system } = usePlaces();
  const [narrow, setNarrow] = useState(() => localStorage.getItem(NARROW) === "1");
  const [help, setHelp] = useState(false);
  const open = useOpenCount();
  const dropped = useDropped();

  useShortcuts({
    "?": () => setHelp(true),
    ...Object.fromEntries([...work, ...system].map((p) => [`g ${p.key}`, () => void navigate(p.to)])),
  });

  const link = (p: Place) => (
    <NavLink
      key={p.to}
      to={p.to}
      className={({ isActive }) => `${css["link"]} ${isActive ? css["active"] : ""}`}
      {...(narrow ? { title: t(`nav.${p.label}`), "aria-label": t(`nav.${p.label}`) } : {})}
      data-testid={`nav-${p.label}`}
    >
      <p.icon size={17} stroke={1.6} />
      <span className={css["label"]}>{t(`nav.${p.label}`)}</span>
      {p.label === "queue" && open > 0 && <span className={css["count"]}>{open}</span>}
      {p.label === "detectors" && dropped > 0 && (
        <span className={css["count"]} title={t("notice.dropped", { count: dropped })} data-testid="dropped">
          {dropped}
        </span>
      )}
    </NavLink>
  );

  return (
    <div className={`${css["shell"]} ${narrow ? css["narrow"] : ""}`}>
      <a className={css["skip"]} href="#content">
        {t("nav.skip")}
      </a>
      <nav className={css["side"]} aria-label={t("nav.main")}>
        <div className={css["brand"]}>
          <img src="/favicon.svg" width={24} height={24} alt="" />
          <span className={css["label"]}>Presage</span>
          <Tooltip label={t(narrow ? "nav.widen" : "nav.narrow")} position="right">
            <ActionIcon
              className={css["fold"]}
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={t(narrow ? "nav.widen" : "nav.narrow")}
              onClick={() => {
                localStorage.setItem(NARROW, narrow ? "0" : "1");
                setNarrow(!narrow);
              }}
            >
              {narrow ? <IconLayoutSidebarLeftExpand size={16} stroke={1.6} /> : <IconLayoutSidebarLeftCollapse size={16} stroke={1.6} />}
            </ActionIcon>
          </Tooltip>
        </div>
        <div className={css["links"]}>{work.map(link)}</div>
        <div className={css["group"]}>
          <span className={css["label"]}>{t("nav.system")}</span>
        </div>
        <div className={css["links"]}>{system.map(link)}</div>
        <div className={css["foot"]}>
          <LiveMark />
          <PersonMenu onHelp={() => setHelp(true)} />
        </div>
      </nav>
      <main id="content" className={css["main"]} tabIndex={-1}>
        <Outlet />
      </main>
      <nav className={css["tabs"]} aria-label={t("nav.main")}>
        {work.map((p) => (
          <NavLink key={p.to} to={p.to} className={({ isActive }) => `${css["tab"]} ${isActive ? css["active"] : ""}`}>
            <p.icon size={20} stroke={1.6} />
            {t(`nav.${p.label}`)}
          </NavLink>
        ))}
        <Menu position="top-end" width={220}>
          <Menu.Target>
            <UnstyledButton className={css["tab"]}>
              <IconDots size={20} stroke={1.6} />
              {t("nav.more")}
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            {system.map((p) => (
              <Menu.Item key={p.to} leftSection={<p.icon size={16} stroke={1.6} />} onClick={() => void navigate(p.to)}>
                {t(`nav.${p.label}`)}
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Preferences />
          </Menu.Dropdown>
        </Menu>
      </nav>
      <Help opened={help} onClose={() => setHelp(false)} places={[...work, ...system]} />
    </div>
  );
}

/** How many tickets are open, as the sum over their severities. */
function useOpenCount(): number {
  const counts = useQuery(countsQuery({ open: true }));
  return Object.values(counts.data?.["severity"] ?? {}).reduce((a, b) => a + b, 0);
}

/** How many rules dropped by themselves and wait for a decision; says so when another does. */
function useDropped(): number {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const may = useMay();
  const notices = useQuery({ ...noticesQuery, enabled: may("list-notices") });
  useNotices(
    useCallback(
      ({ id, detector }) =>
        notifications.show({
          id,
          color: "yellow",
          autoClose: false,
          title: t("notice.dropped", { count: 1 }),
          message: t("notice.droppedHint", { rule: detector.rule, model: detector.model || t("detectors.noModel") }),
          onClick: () => {
            notifications.hide(id);
            void navigate("/detectors");
          },
        }),
      [t, navigate],
    ),
  );
  return notices.data?.length ?? 0;
}

function LiveMark() {
  const { t } = useTranslation();
  const status = useLiveStatus();
  return (
    <Tooltip label={t(`live.${status}Hint`)} position="right" multiline maw={240}>
      <div className={`${css["live"]} ${css[status] ?? ""}`} role="status" data-testid="live" data-status={status}>
        <span className={css["pulse"]} aria-hidden="true" />
        <span className={css["label"]}>{t(`live.${status}`)}</span>
      </div>
    </Tooltip>
  );
}

function PersonMenu({ onHelp }: { onHelp: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const name = me.display || me.user;
  return (
    <Menu position="right-end" width={230}>
      <Menu.Target>
        <UnstyledButton className={css["person"]} data-testid="person" aria-label={t("nav.person", { name })}>
          <span className={css["avatar"]} aria-hidden="true">
            {name.slice(0, 1).toUpperCase()}
          </span>
          <span className={`${css["label"]} ${css["who"]}`}>
            <span className="clip">{name}</span>
            <span className="dim clip">{t(`role.${me.role}`)}</span>
          </span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Preferences />
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={16} stroke={1.6} />} rightSection={<Kbd size="xs">?</Kbd>} onClick={onHelp}>
          {t("help.title")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const schemes: readonly [MantineColorScheme, Icon][] = [
  ["auto", IconDeviceDesktop],
  ["light", IconSun],
  ["dark", IconMoon],
];

/** Language, colours and leaving, as items of a menu. */
function Preferences() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  return (
    <>
      <Menu.Label>{t("nav.language")}</Menu.Label>
      {Object.entries(languages).map(([code, name]) => (
        <Menu.Item
          key={code}
          lang={code}
          leftSection={<IconLanguage size={16} stroke={1.6} />}
          rightSection={i18n.language === code ? <IconCheck size={14} /> : null}
          onClick={() => chooseLanguage(code as Language)}
          data-testid={`language-${code}`}
        >
          {name}
        </Menu.Item>
      ))}
      <Menu.Label>{t("nav.colours")}</Menu.Label>
      {schemes.map(([scheme, SchemeIcon]) => (
        <Menu.Item
          key={scheme}
          leftSection={<SchemeIcon size={16} stroke={1.6} />}
          rightSection={colorScheme === scheme ? <IconCheck size={14} /> : null}
          onClick={() => setColorScheme(scheme)}
          data-testid={`scheme-${scheme}`}
        >
          {t(`nav.scheme.${scheme}`)}
        </Menu.Item>
      ))}
      <Menu.Divider />
      <Menu.Item leftSection={<IconLogout size={16} stroke={1.6} />} onClick={signOut} data-testid="sign-out">
        {t("nav.signOut")}
      </Menu.Item>
    </>
  );
}

function Help({ opened, onClose, places }: { opened: boolean; onClose: () => void; places: Place[] }) {
  const { t } = useTranslation();
  const keys: [string[], string][] = [
    [["/"], t("help.search")],
    [["j", "k"], t("help.move")],
    [["↵"], t("help.open")],
    [["o"], t("help.full")],
    [["Esc"], t("help.close")],
    [["?"], t("help.help")],
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={t("help.title")} size="sm" closeButtonProps={{ "aria-label": t("help.close") }}>
      <dl className={css["keys"]}>
        {keys.map(([k, what]) => (
          <div key={what}>
            <dt>
              {k.map((x) => (
                <Kbd key={x}>{x}</Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
        {places.map((p) => (
          <div key={p.to}>
            <dt>
              <Kbd>g</Kbd>
              <Kbd>{p.key}</Kbd>
            </dt>
            <dd>{t(`nav.${p.label}`)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
