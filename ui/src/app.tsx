import { lazy, Suspense, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { setTheme, type Theme, useTheme } from "./lib/theme.ts";
import { useShortcuts } from "./lib/keys.ts";
import { Banner } from "./parts/Banner.tsx";
import { Dialog, Empty, Loading, useTitle } from "./parts/basics.tsx";
import { Icon, type IconName } from "./parts/Icon.tsx";
import { Palette } from "./parts/Palette.tsx";
import { shortcuts } from "./lib/keys.ts";
import { RunsPage } from "./runs/RunsPage.tsx";

const RunPage = lazy(() => import("./run/RunPage.tsx"));
const DefinitionsPage = lazy(() => import("./definitions/DefinitionsPage.tsx"));
const DefinitionPage = lazy(() => import("./definitions/DefinitionPage.tsx"));
const SchedulesPage = lazy(() => import("./other/SchedulesPage.tsx"));
const WorkersPage = lazy(() => import("./other/WorkersPage.tsx"));

// The server answers these paths with this page: PAGES in src/umbel/api/ui.py.
const PAGES: readonly { path: string; text: string; icon: IconName; keys: string }[] = [
  { path: "/runs", text: "Runs", icon: "runs", keys: "g r" },
  { path: "/definitions", text: "Definitions", icon: "definitions", keys: "g d" },
  { path: "/schedules", text: "Schedules", icon: "schedules", keys: "g s" },
  { path: "/workers", text: "Workers", icon: "workers", keys: "g w" },
];

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

export function App() {
  const [location, navigate] = useLocation();
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const theme = useTheme();
  const turn = () => setTheme(NEXT[theme]);
  useShortcuts([
    { keys: "mod+k", does: "search and commands", run: () => setOpen("palette") },
    { keys: "?", does: "this help", run: () => setOpen("help") },
    ...PAGES.map((page) => ({ keys: page.keys, does: page.text.toLowerCase(), run: () => navigate(page.path) })),
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
          {PAGES.map((page) => (
            <Link key={page.path} href={page.path} aria-current={location.startsWith(page.path) ? "page" : undefined}>
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
          <button type="button" className="icon-button" onClick={turn} aria-label={`Theme: ${theme}. Change it.`} title={`Theme: ${theme}`}>
            <Icon name={theme === "light" ? "sun" : theme === "dark" ? "moon" : "auto"} />
          </button>
        </div>
      </header>
      <Banner />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<Loading />}>
          <Switch>
            <Route path="/">
              <Redirect to="/runs" replace />
            </Route>
            <Route path="/runs" component={RunsPage} />
            <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={decodeURIComponent(id)} />}</Route>
            <Route path="/definitions"><DefinitionsPage /></Route>
            <Route path="/definitions/:name">{({ name }) => <DefinitionPage key={name} name={decodeURIComponent(name)} />}</Route>
            <Route path="/schedules"><SchedulesPage /></Route>
            <Route path="/workers"><WorkersPage /></Route>
            <Route component={Nowhere} />
          </Switch>
        </Suspense>
      </main>
      {open === "palette" && <Palette pages={PAGES} onClose={() => setOpen(null)} />}
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

function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" className="mark">
      <path d="M16 29v-9M16 20c0-6-6-7-9-11M16 20V8M16 20c0-6 6-7 9-11" fill="none" stroke="currentColor" strokeWidth="2.600" strokeLinecap="round" />
      <circle cx="6.500" cy="8" r="3.400" />
      <circle cx="16" cy="5.500" r="3.400" />
      <circle cx="25.500" cy="8" r="3.400" />
    </svg>
  );
}
