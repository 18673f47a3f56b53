"""A pool of threads over paramiko: what an operator's own Python script does. FLEET.json FAN_OUT"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import paramiko

fleet = json.load(open(sys.argv[1]))
fan_out = int(sys.argv[2])
key = paramiko.Ed25519Key.from_private_key_file(fleet["keyPath"])


def run(host):
    client = paramiko.SSHClient()
    client._host_keys = known  # loaded once: 200 lines for each of 200 hosts would be measured instead
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        host["ip"], host["port"], fleet["user"], pkey=key, allow_agent=False, look_for_keys=False
    )
    _, stdout, stderr = client.exec_command("df -h")
    text = stdout.read().decode()
    stderr.read()
    stdout.channel.recv_exit_status()
    client.close()
    return text


known = paramiko.HostKeys(fleet["knownHostsPath"])
with ThreadPoolExecutor(fan_out) as pool:
    for output in pool.map(run, fleet["hosts"]):
        print(output)
