/** Of the whole agent: it is kept out of the bundle that every boot reads. */
export const usage = `moult-agent boot [--root DIR] [NETWORK] [--json] [--exec -- COMMAND [ARGUMENT]...]
    make this instance what it is described to be, once
moult-agent verify [--root DIR] [--json] [--report [NETWORK]]
    compare the disk with its seal
moult-agent ready [--root DIR] [--json]      ask whether the application is ready, as a boot does
moult-agent status | analyze | render | check | clean | lint
    for people; each has --help:
    what is sealed here; where the boot's time went; what a machine would get;
    is a manifest valid; ready a disk to become an image; is it fit to be one
moult-agent --help | --version

--root      the root file system to configure (/)
--json      one JSON document on stdout, progress on stderr
--exec      start nothing, become this command when the machine is sealed
--report    tell the control plane what differs
NETWORK
--metadata  the metadata server: HOST:PORT[,HOST:PORT]... (169.254.169.254:80, its IPv6 address, its name)
--endpoint  API=URL, another place for secretmanager, storage or pubsub; once for each
--deadline  seconds, for everything up to the seal (180)

exit: 0 sealed, 10 description invalid, 11 refused, 12 deadline passed,
      13 placing failed, 14 seal broken, 64 usage, 70 bug`;
