import { lazy, Suspense, useEffect, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { AccountDialog } from "./access/AccountDialog.tsx";
import { Login } from "./access/Login.tsx";
import { signed, useSession } from "./api/session.ts";
import { setTheme, type Theme, useTheme } from "./lib/theme.ts";
import { useShortcuts } from "./lib/keys.ts";
import { Banner } from "./parts/Banner.tsx";
import { Dialog, Empty, Loading, useTitle } from "./parts/basics.tsx";
import { Icon, type IconName } from "./parts/Icon.tsx";
import { Mark } from "./parts/Mark.tsx";
import { Palette } from "./parts/Palette.tsx";
import { shortcuts } from "./lib/keys.ts";
import { RunsPage } from "./runs/RunsPage.tsx";

const RunPage = lazy(() => import("./run/RunPage.tsx"));
const ComparePage = lazy(() => import("./compare/ComparePage.tsx"));
const XRayPage = lazy(() => import("./xray/XRayPage.tsx"));
const DefinitionsPage = lazy(() => import("./definitions/DefinitionsPage.tsx"));
const DefinitionPage = lazy(() => import("./definitions/DefinitionPage.tsx"));
const PlaygroundPage = lazy(() => import("./playground/PlaygroundPage.tsx"));
const SchedulesPage = lazy(() => import("./other/SchedulesPage.tsx"));
const AgentsPage = lazy(() => import("./agents/AgentsPage.tsx"));
const AccessPage = lazy(() => import("./access/AccessPage.tsx"));
const QueuesPage = lazy(() => import("./other/QueuesPage.tsx"));
const LearnPage = lazy(() => import("./learn/LearnPage.tsx"));
const LessonPage = lazy(() => import("./learn/LessonPage.tsx"));
const WorkersPage = lazy(() => import("./other/WorkersPage.tsx"));

// The server answers these paths with this page: PAGES in src/umbel/api/ui.py.
const PAGES: readonly { path: string; text: string; icon: IconName; keys: string; under?: string }[] = [
  { path: "/runs", text: "Runs", icon: "runs", keys: "g r" },
  { path: "/definitions", text: "Definitions", icon: "definitions", keys: "g d" },
  { path: "/playground", text: "Playground", icon: "playground", keys: "g p" },
  { path: "/schedules", text: "Schedules", icon: "schedules", keys: "g s" },
  { path: "/workers", text: "Workers", icon: "workers", keys: "g w" },
  { path: "/queues", text: "Queues", icon: "queues", keys: "g q", under: "/workers" },
  { path: "/learn", text: "Learn", icon: "learn", keys: "g l" },
];

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

const AGENTS = { path: "/agents", text: "Agents", icon: "agent" } as const;
const SETTINGS = { path: "/settings", text: "Users and tokens", icon: "user" } as const;

/** The pages, or who comes. */
export function App() {
  const { state } = useSession();
  useEffect(() => void signed.check(), []);
  return state === "out" ? <Login /> : <Shell asking={state === "asking"} />;
}

function Shell({ asking }: { asking: boolean }) {
  const { session } = useSession();
  const [location, navigate] = useLocation();
  const [open, setOpen] = useState<"palette" | "help" | "account" | null>(null);
  const theme = useTheme();
  const turn = () => setTheme(NEXT[theme]);
  useShortcuts([
    { keys: "mod+k", does: "search and commands", run: () => setOpen("palette") },
    { keys: "?", does: "this help", run: () => setOpen("help") },
    ...PAGES.map((page) => ({ keys: page.keys, does: page.text.toLowerCase(), run: () => navigate(page.path) })),
    { keys: "g a", does: "agents", run: () => navigate(AGENTS.path) },
    { keys: "t", does: "light, dark, or as the system", run: turn },
  ]);
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link href="/runs" className="brand" aria-label="Umbel: runs">
          <Mark />
          <span>Umbel</span>
        </Link>
        <nav aria-label="Pages">
          {PAGES.filter((page) => !page.under).map((page) => (
            <Link key={page.path} href={page.path} aria-current={PAGES.some((each) => (each.under ?? each.path) === page.path && location.startsWith(each.path)) ? "page" : undefined}>
              <Icon name={page.icon} />
              <span>{page.text}</span>
            </Link>
          ))}
        </nav>
        <div className="top-end">
          <button type="button" className="search-button" onClick={() => setOpen("palette")}>
            <Icon name="search" />
            <span>Search</span>
            <kbd aria-hidden="true">{/Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl K"}</kbd>
          </button>
          <Link href="/agents" className="icon-button" aria-label="Agents" title="Agents" aria-current={location.startsWith("/agents") ? "page" : undefined}>
            <Icon name="agent" />
          </Link>
          {session?.auth === "basic" && (
            <button type="button" className="icon-button" onClick={() => setOpen("account")} aria-label={`Signed in as ${session.name}`} title={`Signed in as ${session.name}`}>
              <Icon name="user" />
            </button>
          )}
          <button type="button" className="icon-button" onClick={turn} aria-label={`Theme: ${theme}. Change it.`} title={`Theme: ${theme}`}>
            <Icon name={theme === "light" ? "sun" : theme === "dark" ? "moon" : "auto"} />
          </button>
        </div>
      </header>
      <Banner />
      <main id="main" tabIndex={-1}>
        {asking ? (
          <Loading />
        ) : (
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/">
                <Redirect to="/runs" replace />
              </Route>
              <Route path="/runs" component={RunsPage} />
              <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={decodeURIComponent(id)} />}</Route>
              <Route path="/runs/:id/compare/:other">{({ id, other }) => <ComparePage id={decodeURIComponent(id)} other={decodeURIComponent(other)} />}</Route>
              <Route path="/runs/:id/xray">{({ id }) => <XRayPage key={id} id={decodeURIComponent(id)} />}</Route>
              <Route path="/definitions"><DefinitionsPage /></Route>
              <Route path="/definitions/:name">{({ name }) => <DefinitionPage key={name} name={decodeURIComponent(name)} />}</Route>
              <Route path="/playground"><PlaygroundPage /></Route>
              <Route path="/schedules"><SchedulesPage /></Route>
              <Route path="/workers"><WorkersPage /></Route>
              <Route path="/queues"><QueuesPage /></Route>
              <Route path="/learn"><LearnPage /></Route>
              <Route path="/learn/:slug">{({ slug }) => <LessonPage key={slug} slug={decodeURIComponent(slug)} />}</Route>
              <Route path="/agents"><AgentsPage /></Route>
              <Route path="/settings"><AccessPage /></Route>
              <Route component={Nowhere} />
            </Switch>
          </Suspense>
        )}
      </main>
      {open === "palette" && <Palette pages={session?.auth === "basic" && session.scope === "admin" ? [...PAGES, AGENTS, SETTINGS] : [...PAGES, AGENTS]} onClose={() => setOpen(null)} />}
      {open === "account" && session && <AccountDialog session={session} onClose={() => setOpen(null)} />}
      {open === "help" && <Help onClose={() => setOpen(null)} />}
    </>
  );
}

function Nowhere() {
  useTitle("Not found");
  return (
    <Empty page title="There is no such page">
      The address may be mistyped. <Link href="/runs">All runs</Link>
    </Empty>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  const [list] = useState(shortcuts);
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="keys">
        {list.map((each) => (
          <div key={each.keys}>
            <dt>
              {each.keys.split(" ").map((key) => (
                <kbd key={key}>{key.replace("mod+", "Ctrl ")}</kbd>
              ))}
            </dt>
            <dd>{each.does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
