# Runs a systemd of a user's own, with one service, where nothing else notices. Called by
# test_real_systemd.py in a mount namespace:
#   sandbox.sh UID PROJECT SITE_PACKAGES PYTHON UNIT DROP_IN
set -eu
user=$1 project=$2 site=$3 python=$4 unit=$5 drop_in=$6
mount --make-rprivate /
mount --make-rshared / # among themselves, as systemd has it
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
# What an earlier run left behind; its own goes with the next.
find /sys/fs/cgroup -depth -type d -path "*/photond-test-*" -exec rmdir {} \; 2>/dev/null || true
group=/sys/fs/cgroup/photond-test-$$
mkdir "$group"
chown -R "$user:$user" "$group"
echo $$ > "$group/cgroup.procs"

mount -t tmpfs -o mode=755 none /srv
mkdir -p /srv/code /srv/site /srv/home/.config/systemd/user/photond.service.d /srv/home/.ssh
mkdir -p /srv/home/.local/share/photond
mount --bind "$project" /srv/code
mount --bind "$site" /srv/site
cp "$unit" /srv/home/.config/systemd/user/photond.service
cp "$drop_in" /srv/home/.config/systemd/user/photond.service.d/test.conf
echo secret > /srv/home/.ssh/id
chown -R "$user:$user" /srv/home

# What logind and the system's own systemd would have made.
mount -t tmpfs -o mode=755 none /run
runtime=/run/user/$user
nodes=$runtime/systemd/inaccessible
mkdir -p /run/systemd/system /run/systemd/unit-root "$nodes/dir"
touch "$nodes/reg"
mkfifo "$nodes/fifo"
"$python" -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$nodes/sock"
chmod 0 "$nodes"/*
chmod 700 "$runtime"
chown -R "$user:$user" "$runtime"

# A disk that is plugged in while the service runs, and pulled out again.
disk=/srv/home/disk
mkdir "$disk"
await() { for _ in $(seq 600); do [ ! -e "$1" ] || return 0; sleep 0.1; done; exit 1; }
(
  await "$runtime/plug"
  mount -t tmpfs none "$disk"
  echo photo > "$disk/photo"
  touch "$runtime/plug.done"
  await "$runtime/pull"
  umount "$disk"
  touch "$runtime/pull.done"
) &

exec setpriv --reuid "$user" --regid "$user" --clear-groups env -i PATH="$PATH" HOME=/srv/home \
  XDG_RUNTIME_DIR="$runtime" sh -eu -c '
    "$0" --user >/dev/null 2>&1 &
    manager=$!
    for _ in $(seq 100); do [ -S "$XDG_RUNTIME_DIR/systemd/private" ] && break; sleep 0.1; done
    systemctl --user start photond.service || cat "$HOME/.local/share/photond/error"
    cat "$HOME/.local/share/photond/seen.json" || echo "{}"
    systemctl --user show photond.service --property=ActiveState,StatusText,ExecMainStatus
    await() { for _ in $(seq 600); do [ ! -e "$1" ] || return 0; sleep 0.1; done; exit 1; }
    disk=$HOME/.local/share/photond/disk
    cd "$XDG_RUNTIME_DIR"
    for step in plug pull; do
      touch "$step"
      await "$step.done"
      systemctl --user reload photond.service
      await "$disk"
      cat "$disk"
      rm "$disk"
    done
    systemctl --user stop photond.service
    systemctl --user show photond.service --property=ActiveState,Result
    kill "$manager"
    wait || true
  ' /lib/systemd/systemd
