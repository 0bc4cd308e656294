/** What `moult manifest init` writes: enough to boot, and a comment where most go on. */
export const startYaml = `# What each machine of the fleet receives. moult's docs/manifest.md has every field.
manifest: 1

# Every machine is called as Google calls it.
host: { name: "{{ instance.name }}" }

# What templates may ask for as values.NAME. Not for secrets.
values:
  port: 8080

files:
  # files/config.json.tmpl, filled in: a value is escaped for JSON, so that it cannot change the shape of the file.
  - { path: /etc/app/config.json, template: config.json.tmpl, mode: "0644" }

# The unit of your image that runs the application, started only when all of this is in place and sealed.
# units: [app.service]

# Asked after it has started, until it answers or the time is over.
# ready: { http: "http://127.0.0.1:8080/healthz", within: 60s }

# Secrets by the number of their version; {{ secrets.db }} in a template, or "secret: db" for a whole file.
# secrets:
#   db: projects/my-project/secrets/app-db/versions/1
`;

export const startFiles: ReadonlyMap<string, Buffer> = new Map([
  [
    "config.json.tmpl",
    Buffer.from('{\n  "name": {{ instance.name }},\n  "address": {{ network.ip }},\n  "port": {{ values.port }}\n}\n'),
  ],
]);
