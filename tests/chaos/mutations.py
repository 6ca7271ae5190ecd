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
READS = frozenset({"deliveries", "page", "queue_stats", "schedules", "task"})  # scripts that change nothing


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
    Mutation('dequeued, not counted', HOUSE, "redis.call('ZREM', key('waiting', task.tenant), task.id)\n    count(task.tenant, 'queued', -1)\n", "redis.call('ZREM', key('waiting', task.tenant), task.id)\n"),
    Mutation('dequeued, its tenant keeps its place', HOUSE, "    count(task.tenant, 'queued', -1)\n    take_place(task.tenant)\n", "    count(task.tenant, 'queued', -1)\n"),
    Mutation('delayed and cancelled, not counted', HOUSE, "DELAYED, task.id) == 1 then\n    count(task.tenant, 'queued', -1)\n", 'DELAYED, task.id) == 1 then\n'),
    Mutation('enqueued, not counted', HOUSE, "local function enqueue(task, score)\n  count(task.tenant, 'queued', 1)\n", 'local function enqueue(task, score)\n'),
    Mutation('delayed, not counted', HOUSE, "int(due), task.id)\n  count(task.tenant, 'queued', 1)\n", 'int(due), task.id)\n'),
    Mutation('claimed, still counted as queued', HOUSE, "  count(tenant, 'queued', -1)\n  take_place(tenant)\n  local task", '  take_place(tenant)\n  local task'),
    Mutation('claimed, still in the queue of its priority', HOUSE, "if task then redis.call('ZREM', QUEUES[task.priority], id) end\n", ''),
    Mutation('an end still counts as running', HOUSE, 'if RUNNING[task.state] then count_running(task.tenant, -1) end', ''),
    Mutation('what runs leaves the place as it is', HOUSE, "count(tenant, 'running', by)\n  take_place(tenant)", "count(tenant, 'running', by)"),
    Mutation('a claim is not charged', HOUSE, "'turn', int(turn + stride_of(tenant)))", "'turn', int(turn))"),
    Mutation('a weight changes nothing', HOUSE, "C.stride / tonumber(weight or '1') + 0.5", 'C.stride + 0.5'),
    Mutation('max_running is no limit', HOUSE, 'if not head or not has_room(tenant) then', 'if not head then'),
    Mutation('turns are saved up', HOUSE, 'turn = math.max(turn, entrance())', 'turn = math.max(turn, 0 * entrance())'),
    Mutation('a priority is no lead', HOUSE, "int(turn + C.lead[redis.call('HGET', key('task', head), 'priority')])", 'int(turn)'),
    Mutation('the clock stands still', HOUSE, "if turn > clock() then redis.call('HSET', COUNTERS, 'clock', int(turn)) end", ''),
    Mutation('a policy stays', HOUSE, "  redis.call('DEL', key('policy', tenant))\n", ''),
    Mutation('a new policy leaves the place', HOUSE, '  end\n  take_place(tenant)\nend\n\n-- A listing', '  end\nend\n\n-- A listing'),
    Mutation("cancelled, still queued", HOUSE, "if task.state == 'PENDING' then dequeue(task) end", ""),
    # -- accept
    Mutation('accept forgets the idempotency key', HOUSE, "local seen = idempotency and redis.call('GET', idempotency)", 'local seen = nil'),
    Mutation('accept keeps no idempotency key', HOUSE, "if idempotency then redis.call('SET', idempotency", "if false then redis.call('SET', idempotency"),
    Mutation('accept does not queue', HOUSE, '    enqueue(task, NOW_US)\n', ''),
    Mutation('accept wakes nobody', HOUSE, "    enqueue(task, NOW_US)\n    redis.call('PUBLISH', C.prefix .. 'signals', 'work')\n", '    enqueue(task, NOW_US)\n'),
    Mutation('accept takes what already runs', HOUSE, "if assessment.status == 'in_progress' then return", 'if false then return'),
    Mutation('accept knows no limit', HOUSE, '>= tonumber(limit) then', '>= tonumber(limit) * 100 then'),
    Mutation("accept takes another tenant's", HOUSE, "if not assessment or assessment.tenant ~= tenant or assessment.deleted then return { 'NOT_FOUND' } end", "if not assessment or assessment.deleted then return { 'NOT_FOUND' } end"),
    Mutation("accept leaves the draft's expiry", HOUSE, "  for _, kind in ipairs({ 'assessment', 'input', 'runs' }) do redis.call('PERSIST', key(kind, task.assessment)) end\n", ''),
    Mutation('accept is not counted', HOUSE, "  redis.call('HINCRBY', COUNTERS, 'accepted', 1)\n", ''),
    Mutation('accept asks nobody', 'accept', 'if refused then return refused end\n', ''),
    Mutation('accept knows no delay', 'accept', "if ARGV[9] ~= '' then", 'if false then'),
    # -- cancel
    Mutation("cancel changes what ended", "cancel", "if ENDED[task.state] then", "if false then"),
    Mutation("cancel takes another tenant's", "cancel", "if not task or task.tenant ~= ARGV[1] then", "if not task then"),
    Mutation("cancel sets no flag", HOUSE, "write(task, 'cancel', '1', 'message', C.words.cancelling", "write(task, 'message', C.words.cancelling"),
    Mutation("cancel leaves what waits", HOUSE, "    revoke(task)\n    return task.state\n", "    return task.state\n"),
    Mutation("cancel wakes nobody", HOUSE, "redis.call('PUBLISH', C.prefix .. 'signals', 'cancel:' .. task.id)", ""),
    # -- claim
    Mutation('claim wakes nothing', 'claim', 'trim_listings()\nwake_delayed()\n', 'trim_listings()\n'),
    Mutation('claim wakes again and again', 'claim', "    redis.call('ZREM', DELAYED, id)\n", ''),
    Mutation('claim wakes silently', 'claim', "      line_up(task, tonumber(due) * 1000)\n      emit(task, 'state')\n", '      line_up(task, tonumber(due) * 1000)\n'),
    Mutation('what wakes has waited since it was accepted', 'claim', 'line_up(task, tonumber(due) * 1000)', 'line_up(task, tonumber(task.listed))'),
    Mutation('claim does not count what runs', 'claim', '    if RUNNING[task.state] then count_running(task.tenant, 1) end\n', ''),
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
    Mutation('finish asks for no fence', 'finish', "(not holds(task, fence) and 'stale')", "(not task and 'stale')"),
    Mutation('finish ignores a cancel', 'finish', "(state == 'SUCCESS' and task.cancel and 'cancelled')", 'nil'),
    Mutation("finish again is stale", "finish", "if task and task.finished_by == fence and task.state == state then", "if false then"),
    Mutation("finish loses the result", "finish", "if state == 'SUCCESS' then redis.call('SET', KEYS[10], ARGV[4]) end", ""),
    Mutation("finish loses the error", "finish", "if ARGV[8] ~= '' then", "if false then"),
    # -- keep
    Mutation('keep asks for no fence', 'keep', 'if not holds(task, ARGV[2]) then\n', 'if not task then\n'),
    Mutation('keep overwrites', 'keep', "if before and string.sub(before, 1, #inputs_hash + 1) == inputs_hash .. '\\n' then", 'if false then'),
    Mutation("keep keeps nothing", "keep", "redis.call('HSET', KEYS[10], step, inputs_hash .. '\\n' .. ARGV[5])\n", ""),
    Mutation("keep leaves the agent open", "keep", "    agent.state, agent.progress, agent.ended = 'DONE', 100, NOW\n", ""),
    Mutation("keep is not told", "keep", "emit(task, name ~= '' and 'agent' or 'progress', changed)\n", ""),
    # -- release
    Mutation('release charges', 'release', 'int(turn_of(task.tenant) - stride_of(task.tenant))', 'int(turn_of(task.tenant))'),
    Mutation('release still counts as running', 'release', "count(task.tenant, 'running', -1)\n", ''),
    Mutation("release asks for no fence", "release", "if not holds(task, ARGV[2]) then return 0 end", "if not task then return 0 end"),
    Mutation("release is an attempt", "release", "'attempt', int(tonumber(task.attempt) - 1)", "'attempt', task.attempt"),
    Mutation("release keeps the lease", "release", "redis.call('ZREM', LEASES, task.id)\n", ""),
    Mutation("release forgets the cancel", "release", "if task.cancel then", "if false then"),
    Mutation("release does not queue", "release", "enqueue(task, score)\n", ""),
    # -- replay
    Mutation('replay takes what is complete', 'replay', "(old.state == 'SUCCESS' and old.status ~= 'partial')", 'false'),
    Mutation('replay takes what runs', 'replay', 'not ENDED[old.state] or', 'false or'),
    Mutation('replay begins anew', 'replay', "redis.call('COPY', key('kept', old.id), key('kept', id))\n", ''),
    Mutation('what a replay begins with expires', 'replay', "redis.call('PERSIST', key('kept', id))\n", ''),
    Mutation("replay points to another task's objects", 'replay', 'if step then redis.call', 'if false then redis.call'),
    Mutation('replay asks nobody', 'replay', 'if refused then return refused end\n', ''),
    Mutation('replay says not of what', 'replay', "redis.call('HSET', key('task', id), 'replay_of', old.id)\n", ''),
    # -- objects
    Mutation('what was condemned is committed', HOUSE, "if not redis.call('ZSCORE', OBJECTS, name) then return false end", ''),
    Mutation('a committed object stays due', HOUSE, "  object_due(name, '+inf')\n", ''),
    Mutation('a refused object stays', HOUSE, "    redis.call('ZADD', OBJECTS, int(NOW), name)\n", ''),
    Mutation('an expired object stays', HOUSE, '  objects_due(task, NOW + C.result_ttl)\n', ''),
    Mutation('keep leaves the object before', 'keep', '  object_due(object_before, int(NOW))\n', ''),
    Mutation('an object is noted under any fence', 'note_object', 'or not holds({ state = found[1], fence = found[2] }, ARGV[2]) then', 'then'),
    Mutation('due objects are condemned, and due', 'objects_due', "  redis.call('ZREM', OBJECTS, name)\n", ''),
    Mutation('an object is removed by everybody at once', 'objects_due', "for _, name in ipairs(names) do redis.call('ZADD', CONDEMNED, int(NOW + C.object_retry), name) end\n", ''),
    Mutation('what is gone stays condemned', 'objects_gone', "return redis.call('ZREM', CONDEMNED, unpack(ARGV))", 'return 0'),
    # -- schedules
    Mutation('a due time fires twice', 'fire_schedule', 'schedule.due ~= due or ', ''),
    Mutation('a schedule fires before its time', 'fire_schedule', ' or tonumber(due) > NOW then', ' then'),
    Mutation('a refused start leaves its draft', 'fire_schedule', "if accepted[1] ~= 'OK' then remove_assessment", 'if false then remove_assessment'),
    Mutation('a create again is a new schedule', 'create_schedule', 'if owner then return', 'if false then return'),
    Mutation('a tenant has any number of schedules', 'create_schedule', '>= tonumber(ARGV[4]) then', '>= tonumber(ARGV[4]) * 100 then'),
    Mutation('a deleted schedule is still listed', 'delete_schedule', "redis.call('ZREM', KEYS[12], ARGV[1])\n", ''),
    Mutation('a paused schedule is due', 'enable_schedule', "  redis.call('ZREM', KEYS[10], ARGV[1])\n", ''),
    # -- webhooks
    Mutation('the end is told to nobody', HOUSE, '  tell_end(task, words.status)\n', ''),
    Mutation('an end is told but not due', HOUSE, "  post(task.tenant, id, NOW)\n", ''),
    Mutation('a delivery that ended stays due', HOUSE, "  unpost(webhook.tenant, id)\n", ''),
    Mutation('a tenant with nothing to tell stays in the outbox', HOUSE, "if not first then return redis.call('ZREM', OUTBOX, tenant) end", 'if not first then return end'),
    Mutation('who was served stays first', HOUSE, 'local before = served and NOW_US or', 'local before = false and NOW_US or'),
    Mutation('who is due and not served loses its turn', HOUSE, "local before = served and NOW_US or tonumber(redis.call('ZSCORE', OUTBOX, tenant) or '0')", 'local before = NOW_US'),
    Mutation('the next attempt waits for the lease', 'note_attempt', "  post(webhook.tenant, id, due)\n", ''),
    Mutation('a delivery has no lease', 'due_deliveries', "  redis.call('ZADD', key('outbox', webhook.tenant), int(NOW + lease), id)\n", ''),
    Mutation('a page is the backlog of one tenant', 'due_deliveries', 'while #due > 0 do due = go_round(due) end', 'for _, tenant in ipairs(due) do local own = { tenant } while #own > 0 do own = go_round(own) end end'),
    Mutation('attempts without end', 'due_deliveries', 'if tonumber(webhook.attempt) >= most_attempts then', 'if false then'),
    Mutation('one tenant takes every delivery', 'due_deliveries', '< per_tenant and', '< per_tenant * 100 and'),
    Mutation('a note of any attempt is taken', 'note_attempt', "webhook.state ~= 'pending' or webhook.attempt ~= attempt", "webhook.state ~= 'pending'"),
    Mutation('a note is taken twice', 'note_attempt', "if webhook['try:' .. attempt] then return 1 end", ''),
    Mutation('410 is forgotten', 'note_attempt', "if state == 'disabled' then", 'if false then'),
    Mutation('a rotation asked for twice rotates twice', 'webhook_secret', ' and not (now and now.secret == ARGV[2])', ''),
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
    Mutation('a new key says no policy', 'put_key', 'take_policy(cjson.decode(ARGV[3]).tenant, KEYS[10])\n', ''),
    Mutation("a revoked key's policy stays", 'revoke_key', 'take_policy(tenant, KEYS[10])\n', ''),
    Mutation('no request is counted', 'take_request', "redis.call('SET', KEYS[9], int(full + each), 'PX', math.ceil((full + each - NOW_US) / 1000) + 1)\n", ''),
    Mutation('an alert is not told', 'worker_failed', "  post('', id, NOW)\n", ''),
    Mutation('an alert is told to nobody who asked', 'worker_failed', "if ARGV[5] == '1' then", 'if true then'),
    Mutation('alerts of a kind have one id', 'worker_failed', "kind .. '\\n' .. alert.last", 'kind'),
    Mutation('an alert is raised again and again', 'worker_failed', 'if not alert then\n', 'if true then\n'),
    Mutation('failures far apart are an alert', 'worker_failed', 'if not oldest or NOW - tonumber(oldest) >= C.alert_window then', 'if not oldest then'),
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
