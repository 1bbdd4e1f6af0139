"use strict";

// The query that greets a newcomer, and the headers in which a key belongs.
const QUERY = `# Payvand: the API of this CRM
#
# 1. Put an API key into Headers, below.
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
const fetcher = GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socket.href });

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
