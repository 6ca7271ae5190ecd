"""Every transition of the store with one rule of it broken: what the suites have to notice.

A mutation replaces a piece of a Lua file's text when the scripts are loaded. The text must stand there exactly once: where the
script has changed, the mutation has to change with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from importlib import resources

from infra_mind.tasks.redis.scripts import Script
from infra_mind.tasks.store import StoreLimits

HOUSE = "_house"
READS = frozenset({"page", "queue_stats", "task"})  # scripts that change nothing


@dataclass(frozen=True)
class Mutation:
    """`file` without `.lua`. `old` is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str


MUTATIONS = (
    # -- the fence and the lease
    Mutation("a stale fence holds", HOUSE, "RUNNING[task.state] and task.fence == fence end", "RUNNING[task.state] end"),
    Mutation("whoever ran it holds after the end", HOUSE, "return task and RUNNING[task.state] and", "return task and"),
    Mutation("an end keeps the lease", HOUSE, "  redis.call('ZREM', LEASES, task.id)\n  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,", "  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,"),
    Mutation("an end is still retrying", HOUSE, "  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,", "  write(task, 'state', state,"),
    # -- the end
    Mutation("what ended never expires", HOUSE, "  expire_ended(task, assessment)\nend", "end"),
    Mutation("the end is not told", HOUSE, "write(task, 'end_event', emit(task, 'end', changed))", "write(task, 'end_event', '1-1')"),
    Mutation("the end is not counted", HOUSE, "  redis.call('HINCRBY', COUNTERS, 'ended:' .. state, 1)\n", ""),
    Mutation("agents stay open at the end", HOUSE, "if state ~= 'SUCCESS' then close_agents(task, state, changed) end", ""),
    Mutation("the assessment stays in progress", HOUSE, "'status', words.status, 'updated', int(NOW))", "'updated', int(NOW))"),
    Mutation("a deleted assessment stays", HOUSE, "if assessment and assessment.deleted then return", "if false then return"),
    Mutation("progress is 100 before the end", HOUSE, "math.min(mean, C.progress_before_end)", "math.min(mean, 100)"),
    # -- the queue
    Mutation("dequeued, not counted", HOUSE, "== 1 then count_queued(task.tenant, -1) end", "== 1 then return end"),
    Mutation("enqueued, not counted", HOUSE, "int(score), task.id)\n  count_queued(task.tenant, 1)", "int(score), task.id)"),
    Mutation("cancelled, still queued", HOUSE, "if task.state == 'PENDING' then dequeue(task) end", ""),
    # -- accept
    Mutation("accept forgets the idempotency key", "accept", "if keyed then\n  local seen", "if false then\n  local seen"),
    Mutation("accept keeps no idempotency key", "accept", "if keyed then redis.call('SET', KEYS[15]", "if false then redis.call('SET', KEYS[15]"),
    Mutation("accept does not queue", "accept", "enqueue(task, NOW_US)\n", ""),
    Mutation("accept takes what already runs", "accept", "if assessment.status == 'in_progress' then", "if false then"),
    Mutation("accept knows no limit", "accept", ">= C.max_queued then", ">= C.max_queued * 100 then"),
    Mutation("accept takes another tenant's", "accept", "if not assessment or assessment.tenant ~= tenant or", "if not assessment or"),
    Mutation("accept leaves the draft's expiry", "accept", "for i = 10, 12 do redis.call('PERSIST', KEYS[i]) end", ""),
    Mutation("accept is not counted", "accept", "redis.call('HINCRBY', COUNTERS, 'accepted', 1)\n", ""),
    Mutation("accept wakes nobody", "accept", "redis.call('PUBLISH', C.prefix .. 'signals', 'work')\n", ""),
    # -- cancel
    Mutation("cancel changes what ended", "cancel", "if ENDED[task.state] then", "if false then"),
    Mutation("cancel takes another tenant's", "cancel", "if not task or task.tenant ~= ARGV[1] then", "if not task then"),
    Mutation("cancel sets no flag", HOUSE, "write(task, 'cancel', '1', 'message', C.words.cancelling", "write(task, 'message', C.words.cancelling"),
    Mutation("cancel leaves what waits", HOUSE, "    revoke(task)\n    return task.state\n", "    return task.state\n"),
    Mutation("cancel wakes nobody", HOUSE, "redis.call('PUBLISH', C.prefix .. 'signals', 'cancel:' .. task.id)", ""),
    # -- claim
    Mutation("claim gives the same fence", "claim", "'fence', int(tonumber(task.fence) + 1)", "'fence', task.fence"),
    Mutation("claim is no attempt", "claim", "'attempt', int(tonumber(task.attempt) + 1)", "'attempt', task.attempt"),
    Mutation("claim gives no lease", "claim", "  redis.call('ZADD', LEASES, int(NOW + C.lease), task.id)\n", ""),
    Mutation("claim never looks at leases", "claim", "while #claims < limit and take_expired() > 0 do end", ""),
    Mutation("claim takes the cancelled", "claim", "if task.cancel then return revoke(task, changed) end", ""),
    Mutation("claim knows no poison", "claim", "if tonumber(task.attempt) >= C.max_claims then", "if false then"),
    Mutation("claim leaves agents running", "claim", "      rest_agents(task, changed)\n", ""),
    # -- delete
    Mutation("delete leaves it running", "delete", "request_cancel(active)\n", ""),
    Mutation("delete takes another tenant's", "delete", "assessment.tenant ~= tenant or", "false or"),
    Mutation("delete keeps it", "delete", "  remove_assessment(tenant, id)\n", ""),
    # -- finish
    Mutation("finish asks for no fence", "finish", "if not holds(task, fence) then return 'stale' end", "if not task then return 'stale' end"),
    Mutation("finish ignores a cancel", "finish", "if state == 'SUCCESS' and task.cancel then", "if false then"),
    Mutation("finish again is stale", "finish", "if task and task.finished_by == fence and task.state == state then", "if false then"),
    Mutation("finish loses the result", "finish", "if state == 'SUCCESS' then redis.call('SET', KEYS[10], ARGV[4]) end", ""),
    Mutation("finish loses the error", "finish", "if ARGV[8] ~= '' then", "if false then"),
    # -- keep
    Mutation("keep asks for no fence", "keep", "if not holds(task, ARGV[2]) then return 'stale' end", "if not task then return 'stale' end"),
    Mutation("keep overwrites", "keep", "inputs_hash .. '\\n' then return 'done' end", "inputs_hash .. '\\n' then changed = nil end"),
    Mutation("keep keeps nothing", "keep", "redis.call('HSET', KEYS[10], step, inputs_hash .. '\\n' .. ARGV[5])\n", ""),
    Mutation("keep leaves the agent open", "keep", "    agent.state, agent.progress, agent.ended = 'DONE', 100, NOW\n", ""),
    Mutation("keep is not told", "keep", "emit(task, name ~= '' and 'agent' or 'progress', changed)\n", ""),
    # -- release
    Mutation("release asks for no fence", "release", "if not holds(task, ARGV[2]) then return 0 end", "if not task then return 0 end"),
    Mutation("release is an attempt", "release", "'attempt', int(tonumber(task.attempt) - 1)", "'attempt', task.attempt"),
    Mutation("release keeps the lease", "release", "redis.call('ZREM', LEASES, task.id)\n", ""),
    Mutation("release forgets the cancel", "release", "if task.cancel then", "if false then"),
    Mutation("release does not queue", "release", "enqueue(task, score)\n", ""),
    # -- renew
    Mutation("renew holds for everybody", "renew", "answers[i - 8] = 'lost'", "answers[i - 8] = 'held'"),
    Mutation("renew extends nothing", "renew", "    redis.call('ZADD', LEASES, int(NOW + C.lease), id)\n", ""),
    Mutation("renew tells no cancel", "renew", "found[3] and 'cancel' or 'held'", "'held'"),
    # -- update
    Mutation("update asks for no fence", "update", "holds(task, ARGV[i]) and known(name)", "task and known(name)"),
    Mutation("update opens what is done", "update", "not FINAL[agent.state] and not late", "not late"),
    Mutation("update takes late reports", "update", "local function late_report(agent, attempt)\n", "local function late_report(agent, attempt)\n  if agent then return false end\n"),
    Mutation("update lets progress go back", "update", "state == 'RETRY' and progress or math.max(agent.progress, progress)", "progress"),
    Mutation("update shows no retry", "update", "write(task, 'state', retrying and 'RETRY' or 'PROGRESS'", "write(task, 'state', 'PROGRESS'"),
    # -- drafts, dispatchers, API keys
    Mutation("a draft is changed while it runs", "save_draft", "found.deleted or found.status ~= 'draft') then", "found.deleted) then"),
    Mutation("a draft never expires", "save_draft", "for i = 9, 10 do redis.call('PEXPIRE', KEYS[i], C.draft_ttl) end\n", ""),
    Mutation("a dispatcher is never live", "heartbeat", "redis.call('HSET', KEYS[9], ARGV[1], cjson.encode(info))\n", ""),
    Mutation("an old secret still opens", "put_key", "if before then redis.call('HDEL', KEYS[10], before) end\n", ""),
    Mutation("a revoked key still opens", "revoke_key", "redis.call('HDEL', KEYS[10], secret)\n", ""),
)  # fmt: skip

Load = Callable[[str, StoreLimits], dict[str, Script]]


def source(file: str) -> str:
    return (resources.files("infra_mind.tasks.redis") / "lua" / f"{file}.lua").read_text("utf-8")


def mutated(load: Load, mutation: Mutation) -> Load:
    """`load` with the mutation in every script that holds the file."""

    def with_mutation(prefix: str, limits: StoreLimits) -> dict[str, Script]:
        return {name: _change(script, mutation) for name, script in load(prefix, limits).items()}

    return with_mutation


def _change(script: Script, mutation: Mutation) -> Script:
    if mutation.file not in (HOUSE, script.name):
        return script
    part = (
        script.text.partition if mutation.file == HOUSE else script.text.rpartition
    )  # its own text comes last
    text = mutation.new.join(part(mutation.old)[::2])
    return Script(script.name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())
