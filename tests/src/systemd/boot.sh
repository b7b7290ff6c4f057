# Boots systemd as the first process of namespaces of its own: sh boot.sh FOLDER BINARY GROUP
#
# FOLDER holds units/, accounting.toml and password; the machine's own files are covered by copies in it.
set -e
mount --make-rprivate /
mkdir -p "$1/cgroup" "$1/etc" "$1/lib"
mount -t cgroup2 none "$1/cgroup"
mkdir "$1/cgroup/$3"
echo $$ >"$1/cgroup/$3/cgroup.procs"
umount "$1/cgroup"
cp -a /etc/. "$1/etc"
exec unshare --pid --fork --uts --ipc --cgroup --kill-child sh -ec '
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t proc proc /proc
# What is set there is set for the whole machine.
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /run
mkdir /run/lab
mount --bind "$1" /run/lab
mount -t tmpfs tmpfs /usr/local/sbin
touch /usr/local/sbin/accounting-daemon
mount --bind "$2" /usr/local/sbin/accounting-daemon
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
mount --bind /run/lab/lib /var/lib
mount --bind /run/lab/etc /etc
useradd --system --home-dir /var/lib/accounting --shell /usr/sbin/nologin accounting
cp /run/lab/accounting.toml /etc/accounting.toml
chown accounting /etc/accounting.toml /run/lab/password
cp -a /run/lab/units/. /etc/systemd/system/
printf "[Unit]\nDefaultDependencies=no\n" >/etc/systemd/system/lab.target
container=lab exec /lib/systemd/systemd --system --unit=lab.target --show-status=no
' sh "$@" </dev/null
