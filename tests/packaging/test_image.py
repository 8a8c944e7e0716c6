"""test_image.py PACKAGES CLEAN: makes an OCI image by packaging/Containerfile, of packages that are there already and of the
system CLEAN instead of debian:trixie-slim, unpacks it with the unpacker of wrennd, and runs wrennd in what comes out, as in a
container, as root and as an ordinary user. Prints TAP. Needs root, and the network for what the packages depend on."""
import gzip
import hashlib
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rooted import HERE, Root, Server, report

PACKAGES, CLEAN = sys.argv[1:]
RECIPE = HERE.parent.parent / "packaging/Containerfile"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def last_stage():
    """(instruction, rest) of each line after the last FROM."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", RECIPE.read_text(), flags=re.M))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    stages = [number for number, line in enumerate(lines) if line[0] == "FROM"]
    assert lines[stages[-1]][1] == "docker.io/library/debian:trixie-slim", lines[stages[-1]]
    return lines[stages[-1] + 1:]


def copy(root, rest):
    """COPY --from=packages /src/build-deb/PATTERN... DIR/"""
    source, *paths, target = shlex.split(rest)
    assert source == "--from=packages" and all(path.startswith("/src/build-deb/") for path in paths), rest
    Path(root.path, target.strip("/")).mkdir(parents=True, exist_ok=True)
    for path in paths:
        found = list(Path(PACKAGES).glob(path.rpartition("/")[2]))
        assert len(found) == 1, f"{path} is {found}"
        shutil.copy(found[0], root.path / target.strip("/"))


def follow(root):
    """Does what the recipe says; what it says of running it, as an image's configuration has that."""
    config, both = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}, {}
    for instruction, rest in last_stage():
        if instruction == "COPY":
            copy(root, rest)
        elif instruction == "RUN":
            root.sh(rest)
        elif instruction in ("ENTRYPOINT", "CMD"):
            config[instruction.capitalize()] = json.loads(rest)
        elif instruction == "VOLUME":
            config["Volumes"] = {rest: {}}
            (root.path / rest.strip("/")).mkdir(parents=True, exist_ok=True)
        elif instruction == "EXPOSE":
            config["ExposedPorts"] = {f"{rest}/tcp": {}}
        elif instruction == "STOPSIGNAL":
            config["StopSignal"] = rest
        else:
            both[instruction] = rest
    assert not both, f"this test does not know {both}"
    config["Entrypoint"] = config.pop("Entrypoint", [])
    return config


class Layout:
    """A directory in the OCI's layout."""

    def __init__(self, where):
        self.where = where
        (where / "blobs/sha256").mkdir(parents=True)
        (where / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (self.where / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(data)}

    def document(self, value, media_type):
        return self.blob(json.dumps(value).encode(), media_type)

    def write(self, tree, config):
        whole = subprocess.run(["tar", "-C", tree, "-c", "--numeric-owner", "."], stdout=subprocess.PIPE, check=True).stdout
        layer = self.blob(gzip.compress(whole, compresslevel=1), "layer.v1.tar+gzip")
        config = self.document({"architecture": ARCH, "os": "linux", "config": config, "rootfs": {
            "type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(whole).hexdigest()}"]}}, "config.v1+json")
        manifest = self.document({"schemaVersion": 2, "config": config, "layers": [layer]}, "manifest.v1+json")
        named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        (self.where / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))


class At:
    def __init__(self, top):
        self.top, self.config, self.tree = top, None, None
        self.root = Root.copied(CLEAN, top)

    def container(self, name, owner):
        """A new one, whose volume belongs to that user, with a directory that is /srv/NAME."""
        assert self.tree, "there is no image"
        for directory in (self.top / name / "volume", self.root.shared / name):
            directory.mkdir(mode=0o700, parents=True)
            shutil.chown(directory, owner, owner)
        return Root(self.tree, self.root.shared, self.top / name)

    def run_in(self, container, line, socket):
        command = shlex.join([*self.config["Entrypoint"], *self.config["Cmd"]])
        assert "0.0.0.0:8080" in command, command
        with Server(container, f"exec {line} {command.replace('0.0.0.0:8080', 'unix:' + socket)}") as server:
            got = self.root.sh("wrenn run -- echo hello", **server.settings)
            assert got == "hello", got


def made(at):
    """the recipe makes an image"""
    at.config = follow(at.root)
    Layout(at.root.shared / "image").write(at.root.path, at.config)
    assert at.config["Volumes"] == {"/var/lib/wrennd": {}} and at.config["Entrypoint"] == ["wrennd"], at.config


def unpacked(at):
    """wrenn-unpack makes a root file system of it"""
    at.root.sh("wrennd template build image --oci /srv/image:latest --template-dir /srv/templates")
    found = [path.parents[2] for path in (at.root.shared / "templates").rglob("usr/bin/wrennd")]
    assert len(found) == 1, found
    at.tree = found[0]
    assert not (at.tree / "packages").exists(), "the packages are in the image"


def as_root(at):
    """wrennd runs a sandbox in a container, as root"""
    container = at.container("container", 0)
    at.run_in(container, "", "/srv/container/wrennd.sock")
    said = container.sh("wrennd doctor")
    assert "ok   resource limits" in said and "ok   data directory: /var/lib/wrennd" in said, said


def as_user(at):
    """wrennd runs a sandbox in a container, as an ordinary user without capabilities"""
    become = "setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
    container = at.container("unprivileged", 1000)
    at.run_in(container, f"{become} env WRENND_DATA_DIR=/var/lib/wrennd", "/srv/unprivileged/wrennd.sock")


def main():
    with tempfile.TemporaryDirectory(prefix="wrenn-image-", dir=Path(CLEAN).parent) as top:
        sys.exit(1 if report([made, unpacked, as_root, as_user], At(Path(top))) else 0)


if __name__ == "__main__":
    main()
