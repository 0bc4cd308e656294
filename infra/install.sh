#!/bin/sh
# Puts the boot agent into an image: `infra/install.sh --root DIR [--bundles DIR]`. DIR is the image's root, `/` on the machine that
# becomes the image. Run again, it ends in the same state; a newer version replaces the older one.
set -eu
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bundles=$here/../dist/agent
root=

wrong() {
  echo "install.sh: $1" >&2
  exit 64
}

while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || wrong "$1 wants a folder, or is unknown"
  case $1 in
    --root) root=$2 ;;
    --bundles) bundles=$2 ;;
    *) wrong "$1 is unknown; --root DIR [--bundles DIR]" ;;
  esac
  shift 2
done
[ -n "$root" ] || wrong "--root DIR is missing; / is this machine"
[ -d "$root" ] || wrong "--root: there is no such folder"
root=${root%/}

# Everything is looked for before anything is written.
for file in moult-agent.cjs moult-more.cjs moult-tools.cjs; do
  [ -f "$bundles/$file" ] || wrong "there is no $file in the bundles' folder; npm run build makes it"
done

# What an absolute link of the image points to is in the image, which this shell does not see.
for folder in usr usr/bin usr/lib usr/lib/systemd usr/lib/systemd/system etc etc/systemd etc/systemd/system; do
  case $(readlink -- "$root/$folder" || true) in /*) [ -z "$root" ] || wrong "/$folder is an absolute link in that root" ;; esac
done

units=$root/usr/lib/systemd/system
install -d "$root/usr/lib/moult" "$root/usr/bin" "$units" "$root/usr/share/doc/moult-agent"
# `install` would unlink and write; a rename is never seen half done.
put() {
  install -m "$1" "$2" "$3.new"
  mv -f "$3.new" "$3"
}
for file in moult-agent.cjs moult-more.cjs moult-tools.cjs; do
  put 0644 "$bundles/$file" "$root/usr/lib/moult/$file"
done
for unit in moult-agent.service moult-verify.service moult-verify.timer run-moult.mount; do
  put 0644 "$here/systemd/$unit" "$units/$unit"
done
put 0755 "$here/moult-agent" "$root/usr/bin/moult-agent"
put 0644 "$here/../agent/README.md" "$root/usr/share/doc/moult-agent/README.md"

# As `systemctl --root=DIR enable moult-agent.service` does, which an image's builder need not have.
wants=$root/etc/systemd/system/multi-user.target.wants
install -d "$wants"
ln -sfn /usr/lib/systemd/system/moult-agent.service "$wants/moult-agent.service"

[ -e "$root/usr/bin/node" ] || [ -L "$root/usr/bin/node" ] ||
  echo "install.sh: there is no /usr/bin/node in that root yet; the agent needs Node 18 or newer there" >&2
