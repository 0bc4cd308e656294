#!/bin/sh
# In namespaces of its own (unshare -m -n): nothing but the loopback, a machine of Google's by its name, and memory where
# cloud-init writes. Then becomes the server that is given.
set -eu
ip link set lo up
mount -t tmpfs tmpfs /sys/class
mkdir -p /sys/class/dmi/id /sys/class/net
echo 'Google Compute Engine' >/sys/class/dmi/id/product_name
ln -s ../../devices/virtual/net/lo /sys/class/net/lo
mkdir -p /run/cloud-init /var/lib/cloud /etc/cloud
templates=$(mktemp -d)
cp -a /etc/cloud/. "$templates"
mount -t tmpfs tmpfs /etc/cloud
cp -a "$templates/." /etc/cloud
rm -rf "$templates" /etc/cloud/cloud.cfg.d
for folder in /run /var/lib/cloud /var/log; do
  mount -t tmpfs tmpfs "$folder"
done
# Asked whether this is a container; a machine of Google's is none.
mkdir /run/bench
ln -s /bin/false /run/bench/systemd-detect-virt
exec "$@"
