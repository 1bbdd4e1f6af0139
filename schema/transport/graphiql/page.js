"use strict";

// The query that greets a newcomer, and the headers in which a key belongs.
const QUERY = `# Payvand: the API of this CRM
#
# 1. Sign in, above, or put an API key into Headers, below.
# 2. Press the two round arrows at the left:
#    the schema is loaded, with its documentation.
# 3. Press the triangle, or Ctrl-Enter.

query Welcome {
  contacts(first: 10) {
    nodes {
      id
      name
    }
    totalCount
  }
}
`;
const HEADERS = `{
  "Authorization": "Bearer "
}
`;

const url = new URL(window.location.pathname, window.location.origin);
const socket = new URL(url);
socket.protocol = url.protocol === "https:" ? "wss:" : "ws:";

const asked = new URLSearchParams(window.location.search);

// Who is signed in here; nobody where there is no such address.
async function session() {
  try {
    const answer = await fetch("session", { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function bar(found) {
  const place = document.getElementById("who");
  if (!found) return;
  if (!found.user) {
    const link = document.createElement("a");
    link.href = "login";
    link.textContent = "Sign in";
    place.append(link);
    return;
  }
  const name = document.createElement("bdi");
  name.textContent = found.user.name;
  const leave = document.createElement("button");
  leave.textContent = "Sign out";
  leave.addEventListener("click", async () => {
    await fetch("logout", { method: "POST", headers: { "X-CSRF-Token": found.csrfToken }, redirect: "manual" });
    window.location.reload();
  });
  place.append("Signed in as ", name, leave);
}

session().then((found) => {
  bar(found);
  const headers = found?.csrfToken ? { "X-CSRF-Token": found.csrfToken } : {};
  const fetcher = GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socket.href, headers });
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: QUERY,
      defaultHeaders: HEADERS,
      defaultEditorToolsVisibility: "headers",
      query: asked.get("query") ?? undefined,
      variables: asked.get("variables") ?? undefined,
      operationName: asked.get("operationName") ?? undefined,
    }),
  );
});
