# Makes the package's unit of deploy/systemd/echostamp.service.

# The package has done what the head says.
1,/^$/d
s,/opt/echostamp/bin/,/usr/lib/echostamp/bin/,

# Only this machine is served until /etc/default/echostamp says more.
s/^Environment=ECHOSTAMP_LISTEN= /Environment="ECHOSTAMP_LISTEN=--interface 127.0.0.1" /

/^# The user exists while the daemon runs.$/d
s/^DynamicUser=yes$/User=echostamp/
