#!/usr/bin/python3
"""images.py PART...: root file systems for the tests of `template build`, in the current directory: as a directory (root), as
archives (tars, packed) and as OCI image layouts (oci, users, contained); and hostile ones, hostile-NAME, which lead to `outside`
or are damaged. Needs a static busybox."""
import gzip
import hashlib
import io
import json
import lzma
import os
import platform
import shutil
import subprocess
import sys
import tarfile

APPLETS = "sh id pwd cat ls stat readlink test touch echo mkdir sleep sync find".split()
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def entry(name, kind=tarfile.REGTYPE, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(data), 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def folder(name, **more):
    return entry(name, tarfile.DIRTYPE, **more)


def link(name, target, kind=tarfile.SYMTYPE):
    return entry(name, kind, linkname=target)


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def write(name, data):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as out:
        out.write(data)


def pack(data):
    return gzip.compress(data, compresslevel=1)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def base():
    with open(shutil.which("busybox"), "rb") as program:
        busybox = program.read()
    return [folder("./"), folder("./bin"), entry("./bin/busybox", data=busybox, mode=0o755)] + [
        link(f"./bin/{name}", "./bin/busybox", tarfile.LNKTYPE) for name in APPLETS]


def small():
    return [folder("bin"), entry("bin/sh", data=os.urandom(20000))]


def full():
    capability = {"SCHILY.xattr.security.capability": "\x01\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                  "SCHILY.xattr.trusted.overlay.opaque": "y"}
    return base() + [
        folder("./etc"), entry("./etc/name", data=b"one\n"), folder("./srv", mode=0o2775),
        entry("./srv/mine", data=b"mine\n", uid=1000, gid=1001), entry("./srv/set", data=b"x", mode=0o6755),
        entry("./srv/capable", data=b"x", pax_headers=capability), entry("./srv/žluť", data=b"name\n"),
        link("./srv/link", "/etc/name"), entry("./srv/pipe", tarfile.FIFOTYPE), folder("./tmp", mode=0o1777),
        entry("./srv/null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("./srv/disk", tarfile.BLKTYPE, devmajor=8, devminor=0), folder("./closed", mode=0),
        entry("./closed/in", data=b"in\n", mode=0)]


def hostile_tars():
    outside = os.path.abspath("outside")
    return {
        "dotdot": small() + [entry("bin/../../../outside/new")],
        "absolute": small() + [entry(outside + "/new")],
        "symlink": small() + [link("way", outside), entry("way/new")],
        "symlink-up": small() + [link("way", "../../../outside"), folder("way/new")],
        "hardlink": small() + [link("stolen", "../../../outside/file", tarfile.LNKTYPE)],
        "hardlink-absolute": small() + [link("stolen", outside + "/file", tarfile.LNKTYPE)],
        "hardlink-symlink": small() + [link("way", outside), link("stolen", "way/file", tarfile.LNKTYPE)],
        "root": small() + [link(".", outside)],
        "owner": small() + [entry("file", uid=70000)],
        "nothing": [],
        "below": [folder("system"), folder("system/bin"), entry("system/bin/sh")],
        "dev": small() + [link("dev", outside)],
    }


# ---- OCI ----

def blob(where, data):
    digest = hashlib.sha256(data).hexdigest()
    write(f"{where}/blobs/sha256/{digest}", data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def document(where, value):
    return blob(where, json.dumps(value).encode())


def layout(where, manifests):
    write(f"{where}/oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    write(f"{where}/index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())


def layer(where, data, packing=""):
    packer = {"": bytes, "+gzip": pack, "+zstd": zstd}[packing]
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar" + packing, **blob(where, packer(data))}


def image(where, layers, arch=ARCH, **more):
    config = document(where, {"architecture": arch, "os": "linux", "config": {"Env": ["A=b"], "Cmd": ["sh"], **more}})
    return {"mediaType": "application/vnd.oci.image.manifest.v1+json",
            **document(where, {"schemaVersion": 2, "config": config, "layers": layers})}


def named(descriptor, tag):
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}


def on(descriptor, arch, system="linux"):
    return {**descriptor, "platform": {"architecture": arch, "os": system}}


def good_oci(where):
    below = base() + [
        folder("etc"), entry("etc/name", data=b"below\n"), entry("etc/old"), folder("opaque"), entry("opaque/a"),
        folder("opaque/dir"), entry("opaque/dir/b"), folder("gone"), entry("gone/x"), folder("data"),
        link("way", "/data"), folder("dir"), entry("dir/x"), entry("file"), link("linked", "data")]
    above = [
        entry("etc/name", data=b"above\n"), entry("etc/.wh.old"), entry("etc/new"), entry("etc/.wh.new"),
        entry("opaque/c"), entry("opaque/.wh..wh..opq"), entry(".wh.gone"), entry("way/through"),
        entry("dir", data=b"file now\n"), folder("file"), entry("file/in"), folder("linked"), entry("linked/own")]
    layers = [layer(where, tar(below), "+gzip"), layer(where, tar(above), "+zstd"), layer(where, tar([]))]
    other = "arm64" if ARCH == "amd64" else "amd64"
    attestation = image(where, [layer(where, tar([entry("attested")]))])
    index = {"mediaType": "application/vnd.oci.image.index.v1+json", **document(where, {"manifests": [
        on(image(where, [layer(where, tar([entry("other")]))], other), other), on(attestation, "unknown", "unknown"),
        on(image(where, layers), ARCH)]})}
    layout(where, [named(index, "latest"), named(image(where, layers[:1]), "first"),
                   named(image(where, layers[:1], other), "other")])


USERS = {"name": "app", "uid": "1001", "both": "1001:5", "name-group": "app:crew", "unnamed": "2002", "group-only": ":crew",
         "no-group": "app:", "root": "root", "empty": "", "unknown": "captain", "blank": "a b", "line": "app\nroot",
         "long": "u" * 300, "number": 1001, "null": None}


def user_oci(where):
    data = tar(base() + [folder("etc"), folder("home"), folder("home/app", uid=1001, gid=7), entry(
        "etc/passwd", data=b"root:x:0:0::/root:/bin/sh\napp:x:1001:7::/home/app:/bin/sh\n"), entry(
        "etc/group", data=b"root:x:0:\nstaff:x:7:\ncrew:x:8:\n")])
    layers = [layer(where, data)]
    layout(where, [named(image(where, layers, User=user), name) for name, user in USERS.items()])


def one_layer(where, data, change=None):
    descriptor = layer(where, data)
    path = f"{where}/blobs/sha256/{descriptor['digest'][7:]}"
    if change:
        descriptor = change(descriptor, path) or descriptor
    layout(where, [image(where, [descriptor])])


def damage(_, path):
    with open(path, "r+b") as file:
        file.seek(700)
        file.write(b"\xff")


def hostile_ocis():
    data = tar(small())
    one_layer("hostile-digest", data, damage)
    one_layer("hostile-size", data, lambda d, _: {**d, "size": d["size"] + 1})
    one_layer("hostile-missing", data, lambda _, path: os.remove(path))
    one_layer("hostile-pipe", data, lambda _, path: (os.remove(path), os.mkfifo(path), None)[2])
    one_layer("hostile-path", data, lambda d, _: {**d, "digest": "sha256:../../../outside/file"})
    one_layer("hostile-algorithm", data, lambda d, _: {**d, "digest": "md5:" + "0" * 32})
    one_layer("hostile-type", data, lambda d, _: {**d, "mediaType": d["mediaType"] + "+encrypted"})
    for name, whiteout in ("dotdot", ".wh..."), ("dot", ".wh.."), ("empty", ".wh."), ("up", "../../../outside/.wh.file"):
        one_layer("hostile-whiteout-" + name, tar(small() + [entry(whiteout)]))
    layout("hostile-layers", [image("hostile-layers", [])])
    where = "hostile-nesting"
    index = image(where, [layer(where, data)])
    for _ in range(6):
        index = {"mediaType": "application/vnd.oci.image.index.v1+json", **document(where, {"manifests": [index]})}
    layout(where, [index])
    layout("hostile-json", [])
    write("hostile-json/index.json", b"{")


def contained_oci():
    """What a link of a layer leads to is inside."""
    outside = os.path.abspath("outside")
    where = "contained"
    below = base() + [folder(outside[1:]), link("way", outside), link("up", "../../../../outside")]
    above = [entry("way/new", data=b"in\n"), entry("way/.wh.file"), entry("up/.wh.file"), entry("up/.wh..wh..opq")]
    layout(where, [image(where, [layer(where, tar(below)), layer(where, tar(above))])])


def tars():
    write("root.tar", tar(full()))
    write("next.tar", tar(base() + [folder("etc"), entry("etc/name", data=b"two\n")]))


def packed_tars():
    data = tar(full())
    for name, packer in ("gz", pack), ("xz", lambda data: lzma.compress(data, preset=0)), ("zst", zstd):
        write("root.tar." + name, packer(data))


def directory():
    os.makedirs("root/bin")
    shutil.copy(shutil.which("busybox"), "root/bin/busybox")
    for name in APPLETS:
        os.link("root/bin/busybox", "root/bin/" + name)
    write("root/etc/name", b"directory\n")
    os.symlink(os.path.abspath("outside"), "root/way")
    os.mkfifo("root/pipe")
    with open("root/sparse", "wb") as sparse:
        sparse.truncate(100 << 20)
    if os.geteuid() == 0:
        os.chown("root/etc/name", 1000, 1001)


def hostile():
    for name, entries in hostile_tars().items():
        write(f"hostile-{name}.tar", tar(entries))
    whole = tar(small())
    write("hostile-short.tar", whole[:len(whole) // 2])
    write("hostile-short.tar.gz", pack(whole)[:10000])
    write("hostile-text.tar", b"no archive\n" * 100)
    hostile_ocis()


PARTS = {"root": directory, "tars": tars, "packed": packed_tars, "oci": lambda: good_oci("oci"), "users": lambda: user_oci("users"),
         "contained": contained_oci, "hostile": hostile}
write("outside/file", b"precious\n")
for part in sys.argv[1:]:
    PARTS[part]()
