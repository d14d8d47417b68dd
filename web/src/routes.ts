/** The address behind `#`: which view is shown, and with what. Pure but for `go`. */

export type Route =
  | { view: "map" }
  | { view: "board"; query: Record<string, string> }
  | { view: "case"; id: string }
  | { view: "reconcile" }
  | { view: "report"; query: Record<string, string> }
  | { view: "feed"; query: Record<string, string> };

/** Anything that is no view is the map. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/");
  const query = Object.fromEntries(new URLSearchParams(search));
  switch (view) {
    case "board":
    case "report":
    case "feed":
      return { view, query };
    case "reconcile":
      return { view };
    case "case": {
      const id = decoded(rest.join("/"));
      return id ? { view, id } : { view: "board", query: {} };
    }
    default:
      return { view: "map" };
  }
}

export function hashOf(route: Route): string {
  switch (route.view) {
    case "map":
      return "#map";
    case "case":
      return `#case/${encodeURIComponent(route.id)}`;
    case "reconcile":
      return "#reconcile";
    default: {
      const search = new URLSearchParams(Object.entries(route.query).filter(([, value]) => value !== "")).toString();
      return `#${route.view}${search ? `?${search}` : ""}`;
    }
  }
}

/** Show another view, as a step that the browser's back button takes back. */
export function go(route: Route): void {
  location.hash = hashOf(route);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
