#!/bin/sh
# The standard job as a start-up script of curl and jq: what people write, with the care they often leave out (files of
# their own mode appear at once, and are synced). Wants META, API, ROOT; SECRETS=one-by-one or together.
set -eu
umask 077
folder=$ROOT/etc/app
mkdir -p "$folder/keys"

meta() { curl -sSf -H Metadata-Flavor:Google "http://$META/computeMetadata/v1/$1"; }
about=$(meta '?recursive=true&alt=json')
token=$(meta instance/service-accounts/default/token | jq -r .access_token)

if [ "$SECRETS" = together ]; then
  set --
  for n in 0 1 2 3 4 5 6 7; do
    set -- "$@" -o "$folder/keys/.answer$n" "https://$API/v1/projects/acme/secrets/s$n/versions/3:access"
  done
  curl -sSf -Z -H "Authorization: Bearer $token" "$@"
  for n in 0 1 2 3 4 5 6 7; do
    jq -j '.payload.data|@base64d' "$folder/keys/.answer$n" >"$folder/keys/.s$n"
    rm "$folder/keys/.answer$n"
  done
else
  for n in 0 1 2 3 4 5 6 7; do
    curl -sSf -H "Authorization: Bearer $token" "https://$API/v1/projects/acme/secrets/s$n/versions/3:access" |
      jq -j '.payload.data|@base64d' >"$folder/keys/.s$n"
  done
fi

for n in 0 1 2 3 4 5; do
  secret=/dev/null
  [ "$n" -ge 4 ] || secret=$folder/keys/.s$n
  printf %s "$about" | jq --rawfile password "$secret" '{
    instance: .instance.name, zone: (.instance.zone | split("/") | last), role: .instance.attributes.role,
    listen: (.instance.networkInterfaces[0].ip + ":8080"), password: $password, workers: 8 }' >"$folder/.app$n.json"
  chmod 0640 "$folder/.app$n.json"
done
for n in 0 1; do
  cp "$ROOT/usr/lib/moult/files/motd.txt" "$folder/.motd$n"
  chmod 0644 "$folder/.motd$n"
done
rm "$folder"/keys/.s[0-3]
chmod 0400 "$folder"/keys/.s?

sync "$folder"/.app?.json "$folder"/.motd? "$folder"/keys/.s?
for file in "$folder"/.app?.json "$folder"/.motd? "$folder"/keys/.s?; do
  mv "$file" "${file%/.*}/${file##*/.}"
done
sync "$folder" "$folder/keys"
