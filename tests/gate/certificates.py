"""Certificates for tests: an authority, and hosts that it vouches for."""
import subprocess


def make(place, authority, hosts):
    """Writes AUTHORITY.pem, and NAME.pem (certificate and key) for each host, into `place`."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=place)

    def new(name, *words):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", *words)

    new(authority, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    for host in hosts:
        new(host, "-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=critical,CA:FALSE", "-CA", f"{authority}.pem", "-CAkey",
            f"{authority}.key")
        with open(f"{place}/{host}.pem", "a") as out, open(f"{place}/{host}.key") as key:
            out.write(key.read())
