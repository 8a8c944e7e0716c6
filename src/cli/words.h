/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */
#pragma once

/* Words of which there are few, for options. */
#define CLI_WORDS_EVENT "command", "command.end", "command.start", "sandbox", "sandbox.create", "sandbox.destroy", "sandbox.die", "sandbox.hibernate", "sandbox.labels", "sandbox.lifetime", "sandbox.network", "sandbox.pause", "sandbox.resume", "snapshot", "snapshot.create", "snapshot.delete", "template", "template.build", "template.delete"
#define CLI_WORDS_HOST_TYPE "regular", "byoc"
#define CLI_WORDS_ISOLATION "any", "namespace", "vm"
#define CLI_WORDS_RANGE "5m", "10m", "1h", "2h", "6h", "12h", "24h"
#define CLI_WORDS_STATUS "pending", "running", "paused", "hibernated", "missing"
