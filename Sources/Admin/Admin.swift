// The server: doors for clients, what they reach, and how it is configured.
//
//   Server/          everything started and stopped together
//   Configuration/   the settings, and the YAML file they come from
//   FrontDoor/       JSON-RPC over HTTP, WebSocket and Unix sockets; REST paths; what pages in browsers may do
//   Interface/       every operation declared once: routed, checked, published as OpenAPI and OpenRPC
//   Access/          API keys at the door
//   Metrics/         what is counted, for Prometheus
//   Logs/            the log and its files
//   Environments/    what was made and not closed yet: look-up, repeats, leases, idle expiry
