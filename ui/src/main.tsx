import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { App } from "./app.tsx";
import { connection } from "./live/connection.ts";
import "./lib/theme.ts";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/runs.css";
import "./styles/run.css";
import "./styles/graph.css";
import "./styles/other.css";
import "./styles/access.css";
import "./styles/compare.css";
import "./styles/places.css";
import "./styles/playground.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      networkMode: "always", // the server may be on this machine, whatever the browser thinks of the network
      retry: (failures, error) => !(error instanceof ApiError && error.status < 500) && failures < 2,
      retryDelay: 400,
    },
    mutations: { networkMode: "always" },
  },
});
connection.onBack(() => void queries.invalidateQueries());

// A newer version of the pages was built: the parts of the old one are gone.
window.addEventListener("vite:preloadError", () => location.reload());

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
