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
    """`file` without `.lua`. `old` is replaced by `new`. `by`: who notices, a test of tests/contract by its node id there."""

    name: str
    file: str
    old: str
    new: str
    by: str


MUTATIONS = (
    # -- the fence and the lease
    Mutation("a stale fence holds", HOUSE, "RUNNING[task.state] and task.fence == fence end", "RUNNING[task.state] end", "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation("whoever ran it holds after the end", HOUSE, "return task and RUNNING[task.state] and", "return task and", "test_store_running.py::test_after_the_end_the_holder_can_do_nothing"),
    Mutation("an end keeps the lease", HOUSE, "  redis.call('ZREM', LEASES, task.id)\n  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,", "  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,", "test_store_running.py::test_success_commits_the_result"),
    Mutation("an end is still retrying", HOUSE, "  redis.call('SREM', RETRYING, task.id)\n  write(task, 'state', state,", "  write(task, 'state', state,", "test_store_fleet.py::test_running_and_retrying_are_counted"),
    # -- the end
    Mutation("what ended never expires", HOUSE, "  expire_ended(task, assessment)\nend", "end", "test_store_rules.py::test_a_result_is_gone_when_a_draft_made_after_it_is"),
    Mutation("the end is not told", HOUSE, "write(task, 'end_event', emit(task, 'end', changed))", "write(task, 'end_event', '1-1')", "test_store_events.py::test_a_life_in_events"),
    Mutation("the end is not counted", HOUSE, "  redis.call('HINCRBY', COUNTERS, 'ended:' .. state, 1)\n", "", "test_store_fleet.py::test_counters_count_ends_and_agents"),
    Mutation("agents stay open at the end", HOUSE, "if state ~= 'SUCCESS' then close_agents(task, state, changed) end", "", "test_store_running.py::test_failure_says_type_message_and_attempt"),
    Mutation("the assessment stays in progress", HOUSE, "'status', words.status, 'updated', int(NOW))", "'updated', int(NOW))", "test_store_accept.py::test_an_ended_assessment_may_be_started_again"),
    Mutation("a deleted assessment stays", HOUSE, "if assessment and assessment.deleted then return", "if false then return", "test_store_assessments.py::test_deleting_a_running_assessment_cancels_and_removes_all_at_its_end"),
    Mutation("progress is 100 before the end", HOUSE, "math.min(mean, C.progress_before_end)", "math.min(mean, 100)", "test_store_running.py::test_hundred_percent_belongs_to_success"),
    # -- the queue
    Mutation('dequeued, not counted', HOUSE, "redis.call('ZREM', key('waiting', task.tenant), task.id)\n    count(task.tenant, 'queued', -1)\n", "redis.call('ZREM', key('waiting', task.tenant), task.id)\n", "test_store_rules.py::test_a_task_cancelled_while_it_waits_leaves_its_place_in_the_queue"),
    Mutation('dequeued, its tenant keeps its place', HOUSE, "    count(task.tenant, 'queued', -1)\n    take_place(task.tenant)\n", "    count(task.tenant, 'queued', -1)\n", "test_store_assessments.py::test_deleting_a_queued_assessment_takes_it_out_of_the_queue"),
    Mutation('delayed and cancelled, not counted', HOUSE, "DELAYED, task.id) == 1 then\n    count(task.tenant, 'queued', -1)\n", 'DELAYED, task.id) == 1 then\n', "test_store_queue.py::test_a_delayed_task_can_be_cancelled_and_counts_as_queued"),
    Mutation('enqueued, not counted', HOUSE, "local function enqueue(task, score)\n  count(task.tenant, 'queued', 1)\n", 'local function enqueue(task, score)\n', "test_store_accept.py::test_the_queue_of_a_tenant_is_bounded"),
    Mutation('delayed, not counted', HOUSE, "int(due), task.id)\n  count(task.tenant, 'queued', 1)\n", 'int(due), task.id)\n', "test_store_queue.py::test_a_delayed_task_can_be_cancelled_and_counts_as_queued"),
    Mutation('claimed, still counted as queued', HOUSE, "  count(tenant, 'queued', -1)\n  take_place(tenant)\n  local task", '  take_place(tenant)\n  local task', "test_store_accept.py::test_the_queue_of_a_tenant_is_bounded"),
    Mutation('claimed, still in the queue of its priority', HOUSE, "if task then redis.call('ZREM', QUEUES[task.priority], id) end\n", '', "test_store_rules.py::test_what_is_claimed_does_not_count_as_waiting"),
    Mutation('an end still counts as running', HOUSE, 'if RUNNING[task.state] then count_running(task.tenant, -1) end', '', "test_store_queue.py::test_a_tenant_at_its_limit_is_passed_over_until_one_of_its_tasks_ends"),
    Mutation('what runs leaves the place as it is', HOUSE, "count(tenant, 'running', by)\n  take_place(tenant)", "count(tenant, 'running', by)", "test_store_queue.py::test_a_tenant_at_its_limit_is_passed_over_until_one_of_its_tasks_ends"),
    Mutation('a claim is not charged', HOUSE, "'turn', int(turn + stride_of(tenant)))", "'turn', int(turn))", "test_store_queue.py::test_a_flood_of_one_tenant_leaves_the_others_their_equal_share"),
    Mutation('a weight changes nothing', HOUSE, "C.stride / tonumber(weight or '1') + 0.5", 'C.stride + 0.5', "test_store_queue.py::test_the_weight_of_a_tenant_is_its_share"),
    Mutation('max_running is no limit', HOUSE, 'if not head or not has_room(tenant) then', 'if not head then', "test_store_queue.py::test_a_tenant_at_its_limit_is_passed_over_until_one_of_its_tasks_ends"),
    Mutation('turns are saved up', HOUSE, 'turn = math.max(turn, entrance())', 'turn = math.max(turn, 0 * entrance())', "test_store_queue.py::test_who_comes_late_has_not_saved_up_turns"),
    Mutation('a priority is no lead', HOUSE, "int(turn + C.lead[redis.call('HGET', key('task', head), 'priority')])", 'int(turn)', "test_store_queue.py::test_a_critical_task_goes_before_what_another_tenant_has_waiting"),
    Mutation('the clock stands still', HOUSE, "if turn > clock() then redis.call('HSET', COUNTERS, 'clock', int(turn)) end", '', "test_store_queue.py::test_who_comes_late_has_not_saved_up_turns"),
    Mutation('a policy stays', HOUSE, "  redis.call('DEL', key('policy', tenant))\n", '', "test_store_queue.py::test_the_newest_key_of_a_tenant_says_its_limits"),
    Mutation('a new policy leaves the place', HOUSE, '  end\n  take_place(tenant)\nend\n\n-- A listing', '  end\nend\n\n-- A listing', "test_store_rules.py::test_a_limit_that_is_raised_lets_what_waits_run"),
    Mutation("cancelled, still queued", HOUSE, "if task.state == 'PENDING' then dequeue(task) end", "", "test_store_assessments.py::test_deleting_a_queued_assessment_takes_it_out_of_the_queue"),
    # -- accept
    Mutation('accept forgets the idempotency key', HOUSE, "local seen = idempotency and redis.call('GET', idempotency)", 'local seen = nil', "test_store_accept.py::test_a_key_answers_its_first_task_even_after_the_end"),
    Mutation('accept keeps no idempotency key', HOUSE, "if idempotency then redis.call('SET', idempotency", "if false then redis.call('SET', idempotency", "test_store_accept.py::test_a_key_answers_its_first_task_even_after_the_end"),
    Mutation('accept does not look at the options of a key', HOUSE, "if asked[1] ~= options or", "if", "test_store_accept.py::test_a_key_with_other_options_is_a_conflict"),
    Mutation('a key is good for any replay', HOUSE, " or (asked[2] or '') ~= replay_of then", " then", "test_store_accept.py::test_a_key_of_a_start_or_of_another_replay_is_a_conflict_for_a_replay"),
    Mutation('what is being deleted is accepted again', HOUSE, "if redis.call('HEXISTS', key('assessment', assessment_id), 'deleted') == 1 then return { 'NOT_FOUND' } end", "", "test_store_accept.py::test_the_same_task_again_while_it_is_being_deleted_is_not_accepted"),
    Mutation('accept does not queue', HOUSE, '    enqueue(task, NOW_US)\n', '', "test_store_running.py::test_a_claim_starts_the_task"),
    Mutation('accept wakes nobody', HOUSE, "    enqueue(task, NOW_US)\n    redis.call('PUBLISH', C.prefix .. 'signals', 'work')\n", '    enqueue(task, NOW_US)\n', "test_store_events.py::test_signals_wake_dispatchers"),
    Mutation('accept takes what already runs', HOUSE, "if assessment.status == 'in_progress' then return", 'if false then return', "test_store_accept.py::test_an_active_assessment_is_not_accepted_twice"),
    Mutation('accept knows no limit', HOUSE, '>= tonumber(limit) then', '>= tonumber(limit) * 100 then', "test_store_accept.py::test_the_queue_of_a_tenant_is_bounded"),
    Mutation("accept takes another tenant's", HOUSE, "if not assessment or assessment.tenant ~= tenant or assessment.deleted then return { 'NOT_FOUND' } end", "if not assessment or assessment.deleted then return { 'NOT_FOUND' } end", "test_store_assessments.py::test_unknown_and_foreign_assessments_are_not_found"),
    Mutation("accept leaves the draft's expiry", HOUSE, "  for _, kind in ipairs({ 'assessment', 'input', 'runs' }) do redis.call('PERSIST', key(kind, task.assessment)) end\n", '', "test_store_rules.py::test_what_was_started_outlives_a_draft_made_after_it"),
    Mutation('accept is not counted', HOUSE, "  redis.call('HINCRBY', COUNTERS, 'accepted', 1)\n", '', "test_store_fleet.py::test_counters_count_ends_and_agents"),
    Mutation('accept asks nobody', 'accept', 'if refused then return refused end\n', '', "test_store_accept.py::test_an_active_assessment_is_not_accepted_twice"),
    Mutation('accept knows no delay', 'accept', "if ARGV[9] ~= '' then", 'if false then', "test_store_queue.py::test_a_delayed_task_waits_for_its_time_and_then_in_the_queue"),
    # -- cancel
    Mutation("cancel changes what ended", "cancel", "if ENDED[task.state] then", "if false then", "test_store_cancel.py::test_an_ended_task_cannot_be_cancelled"),
    Mutation("cancel takes another tenant's", "cancel", "if not task or task.tenant ~= ARGV[1] then", "if not task then", "test_store_cancel.py::test_unknown_and_foreign_tasks_are_not_found"),
    Mutation("cancel sets no flag", HOUSE, "write(task, 'cancel', '1', 'message', C.words.cancelling", "write(task, 'message', C.words.cancelling", "test_store_cancel.py::test_a_running_task_is_asked_to_stop"),
    Mutation("cancel leaves what waits", HOUSE, "    revoke(task)\n    return task.state\n", "    return task.state\n", "test_store_cancel.py::test_a_waiting_task_is_revoked_at_once"),
    Mutation("cancel wakes nobody", HOUSE, "redis.call('PUBLISH', C.prefix .. 'signals', 'cancel:' .. task.id)", "", "test_store_events.py::test_signals_wake_dispatchers"),
    # -- claim
    Mutation('claim wakes nothing', 'claim', 'trim_listings()\nwake_delayed()\n', 'trim_listings()\n', "test_store_rules.py::test_what_was_delayed_waits_from_its_time_on_and_not_from_when_it_was_accepted"),
    Mutation('claim wakes again and again', 'claim', "    redis.call('ZREM', DELAYED, id)\n", '', "test_store_queue.py::test_a_delayed_task_waits_for_its_time_and_then_in_the_queue"),
    Mutation('claim wakes silently', 'claim', "      line_up(task, tonumber(due) * 1000)\n      emit(task, 'state')\n", '      line_up(task, tonumber(due) * 1000)\n', "test_store_rules.py::test_the_events_say_when_what_was_delayed_joins_the_queue"),
    Mutation('what wakes has waited since it was accepted', 'claim', 'line_up(task, tonumber(due) * 1000)', 'line_up(task, tonumber(task.listed))', "test_store_rules.py::test_what_was_delayed_waits_from_its_time_on_and_not_from_when_it_was_accepted"),
    Mutation('claim does not count what runs', 'claim', '    if RUNNING[task.state] then count_running(task.tenant, 1) end\n', '', "test_store_queue.py::test_a_tenant_at_its_limit_is_passed_over_until_one_of_its_tasks_ends"),
    Mutation("claim gives the same fence", "claim", "'fence', int(tonumber(task.fence) + 1)", "'fence', task.fence", "test_store_running.py::test_a_claim_starts_the_task"),
    Mutation("claim is no attempt", "claim", "'attempt', int(tonumber(task.attempt) + 1)", "'attempt', task.attempt", "test_store_running.py::test_a_task_claimed_too_often_is_poison"),
    Mutation("claim gives no lease", "claim", "  redis.call('ZADD', LEASES, int(NOW + C.lease), task.id)\n", "", "test_store_running.py::test_a_lost_task_is_claimed_before_the_queue_with_its_agents_waiting"),
    Mutation("a claim whose answer was lost is not known again", "claim", "hand_out_again()\nif #claims > 0", "if #claims > 0", "test_redis_answers.py::test_what_was_lost_with_an_answer_is_given_again_under_the_same_fence"),
    Mutation("what was lost with an answer is taken from others", "claim", "    if holds(task, one[2]) then hand_out(task) end", "    hand_out(task)", "test_redis_answers.py::test_what_was_lost_with_an_answer_and_taken_by_others_is_theirs"),
    Mutation("a clock that goes back makes leases longer", "claim", "shorten_leases()\nwhile", "while", "test_redis_records.py::test_a_clock_that_goes_back_makes_no_lease_longer"),
    Mutation("a clock that goes back puts off who takes over", HOUSE, " and quiet <= NOW + C.grace", "", "test_redis_records.py::test_a_clock_that_goes_back_does_not_put_off_who_takes_over"),
    Mutation("claim never looks at leases", "claim", "while #claims < limit and take_expired() > 0 do end", "", "test_store_running.py::test_a_lost_task_is_claimed_before_the_queue_with_its_agents_waiting"),
    Mutation("claim takes the cancelled", "claim", "if task.cancel then return revoke(task, changed) end", "", "test_store_cancel.py::test_a_cancelled_task_whose_holder_is_lost_is_revoked_not_run"),
    Mutation("claim knows no poison", "claim", "if tonumber(task.attempt) >= C.max_claims then", "if false then", "test_store_running.py::test_a_task_claimed_too_often_is_poison"),
    Mutation("claim leaves agents running", "claim", "      rest_agents(task, changed)\n", "", "test_store_running.py::test_a_lost_task_is_claimed_before_the_queue_with_its_agents_waiting"),
    # -- delete
    Mutation("delete leaves it running", "delete", "request_cancel(active)\n", "", "test_store_assessments.py::test_deleting_a_running_assessment_cancels_and_removes_all_at_its_end"),
    Mutation("delete takes another tenant's", "delete", "assessment.tenant ~= tenant or", "false or", "test_store_assessments.py::test_unknown_and_foreign_assessments_are_not_found"),
    Mutation("delete keeps it", "delete", "  remove_assessment(tenant, id)\n", "", "test_store_assessments.py::test_a_deleted_draft_is_gone"),
    # -- finish
    Mutation('finish asks for no fence', 'finish', "(not holds(task, fence) and 'stale')", "(not task and 'stale')", "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation('finish ignores a cancel', 'finish', "(state == 'SUCCESS' and task.cancel and 'cancelled')", 'nil', "test_store_cancel.py::test_success_after_a_cancel_changes_nothing"),
    Mutation("finish again is stale", "finish", "if task and task.finished_by == fence and task.state == state then", "if false then", "test_store_running.py::test_the_same_end_sent_again_is_the_same_end"),
    Mutation("finish loses the result", "finish", "if state == 'SUCCESS' then redis.call('SET', KEYS[10], ARGV[4]) end", "", "test_store_running.py::test_success_commits_the_result"),
    Mutation("finish loses the error", "finish", "if ARGV[8] ~= '' then", "if false then", "test_store_running.py::test_failure_says_type_message_and_attempt"),
    # -- keep
    Mutation('keep asks for no fence', 'keep', 'if not holds(task, ARGV[2]) then\n', 'if not task then\n', "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation('keep overwrites', 'keep', "if before and string.sub(before, 1, #inputs_hash + 1) == inputs_hash .. '\\n' then", 'if false then', "test_store_running.py::test_keeping_twice_changes_nothing"),
    Mutation("keep keeps nothing", "keep", "redis.call('HSET', KEYS[10], step, inputs_hash .. '\\n' .. ARGV[5])\n", "", "test_store_running.py::test_what_is_kept_comes_back_with_the_agent_done"),
    Mutation("keep leaves the agent open", "keep", "    agent.state, agent.progress, agent.ended = 'DONE', 100, NOW\n", "", "test_store_running.py::test_what_is_kept_comes_back_with_the_agent_done"),
    Mutation("keep is not told", "keep", "emit(task, name ~= '' and 'agent' or 'progress', changed)\n", "", "test_store_events.py::test_a_life_in_events"),
    # -- release
    Mutation('release charges', 'release', 'int(turn_of(task.tenant) - stride_of(task.tenant))', 'int(turn_of(task.tenant))', "test_store_rules.py::test_what_is_given_back_is_not_charged_to_its_tenant"),
    Mutation('release still counts as running', 'release', "count(task.tenant, 'running', -1)\n", '', "test_store_queue.py::test_released_and_lost_tasks_keep_the_count_of_what_runs"),
    Mutation("release asks for no fence", "release", "if not holds(task, ARGV[2]) then return 0 end", "if not task then return 0 end", "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation("release is an attempt", "release", "'attempt', int(tonumber(task.attempt) - 1)", "'attempt', task.attempt", "test_store_running.py::test_a_released_task_is_next_and_counts_no_attempt"),
    Mutation("release keeps the lease", "release", "redis.call('ZREM', LEASES, task.id)\n", "", "test_store_rules.py::test_a_released_task_has_no_lease_that_could_run_out"),
    Mutation("release forgets the cancel", "release", "if task.cancel then", "if false then", "test_store_running.py::test_releasing_a_task_that_should_stop_ends_it"),
    Mutation("release does not queue", "release", "enqueue(task, score)\n", "", "test_store_running.py::test_a_released_task_is_next_and_counts_no_attempt"),
    # -- replay
    Mutation('replay takes what is complete', 'replay', "(old.state == 'SUCCESS' and old.status ~= 'partial')", 'false', "test_store_queue.py::test_a_partial_result_can_be_replayed_and_a_complete_one_not"),
    Mutation('replay takes what runs', 'replay', 'not ENDED[old.state] or', 'false or', "test_store_queue.py::test_what_runs_or_is_not_there_cannot_be_replayed"),
    Mutation('replay begins anew', HOUSE, "  redis.call('COPY', key('kept', old.id), key('kept', id))\n", '', "test_store_queue.py::test_a_replay_is_a_new_task_with_what_was_kept"),
    Mutation('what a replay begins with expires', HOUSE, "  redis.call('PERSIST', key('kept', id))\n", '', "test_store_rules.py::test_what_a_replay_begins_with_outlives_what_it_comes_from"),
    Mutation("replay points to another task's objects", HOUSE, 'if step then redis.call', 'if false then redis.call', "test_store_objects.py::test_a_new_assessment_begins_without_what_lies_in_an_object_of_another_task"),
    Mutation('replay asks nobody', 'replay', 'if refused then return refused end\n', '', "test_store_queue.py::test_only_one_replay_of_two_at_once_and_the_same_key_is_the_same_task"),
    Mutation('replay says not of what', 'replay', "redis.call('HSET', key('task', id), 'replay_of', old.id)\n", '', "test_store_queue.py::test_a_replay_is_a_new_task_with_what_was_kept"),
    # -- objects
    Mutation('what was condemned is committed', HOUSE, "if not redis.call('ZSCORE', OBJECTS, name) then return false end", '', "test_store_objects.py::test_what_was_condemned_cannot_be_committed"),
    Mutation('a committed object stays due', HOUSE, "  object_due(name, '+inf')\n", '', "test_store_objects.py::test_what_a_running_or_ended_task_needs_is_not_swept"),
    Mutation('a refused object stays', HOUSE, "    redis.call('ZADD', OBJECTS, int(NOW), name)\n", '', "test_store_objects.py::test_the_object_of_a_stale_commit_is_removed"),
    Mutation('an expired object stays', HOUSE, '  objects_due(task, NOW + C.result_ttl)\n', '', "test_store_objects.py::test_what_a_failed_task_kept_expires_too"),
    Mutation('keep leaves the object before', 'keep', '  object_due(object_before, int(NOW))\n', '', "test_store_objects.py::test_a_kept_result_that_is_replaced_is_removed"),
    Mutation('an object is noted under any fence', 'note_object', 'or not holds({ state = found[1], fence = found[2] }, ARGV[2]) then', 'then', "test_store_objects.py::test_under_a_stale_fence_nothing_is_written_at_all"),
    Mutation('due objects are condemned, and due', 'objects_due', "  redis.call('ZREM', OBJECTS, name)\n", '', "test_store_objects.py::test_sweepers_side_by_side_remove_each_object_once"),
    Mutation('an object is removed by everybody at once', 'objects_due', "for _, name in ipairs(names) do redis.call('ZADD', CONDEMNED, int(NOW + C.object_retry), name) end\n", '', "test_store_objects.py::test_sweepers_side_by_side_remove_each_object_once"),
    Mutation('what is gone stays condemned', 'objects_gone', "return redis.call('ZREM', CONDEMNED, unpack(ARGV))", 'return 0', "test_store_objects.py::test_nothing_is_listed_once_everything_is_removed"),
    # -- schedules
    Mutation('a due time fires twice', 'fire_schedule', 'schedule.due ~= due or ', '', "test_store_schedules.py::test_a_due_time_is_fired_once"),
    Mutation('a schedule fires before its time', 'fire_schedule', ' or tonumber(due) > NOW then', ' then', "test_store_schedules.py::test_nothing_fires_before_its_time"),
    Mutation('a refused start leaves its draft', 'fire_schedule', "if accepted[1] ~= 'OK' then remove_assessment", 'if false then remove_assessment', "test_store_schedules.py::test_a_refused_start_leaves_nothing_behind_and_is_told"),
    Mutation('a create again is a new schedule', 'create_schedule', 'if owner then return', 'if false then return', "test_store_schedules.py::test_the_same_create_again_is_the_same_schedule"),
    Mutation('a tenant has any number of schedules', 'create_schedule', '>= tonumber(ARGV[4]) then', '>= tonumber(ARGV[4]) * 100 then', "test_store_schedules.py::test_a_tenant_has_a_bounded_number"),
    Mutation('a deleted schedule is still listed', 'delete_schedule', "redis.call('ZREM', KEYS[12], ARGV[1])\n", '', "test_store_schedules.py::test_a_tenant_has_a_bounded_number"),
    Mutation('a paused schedule is due', 'enable_schedule', "  redis.call('ZREM', KEYS[10], ARGV[1])\n", '', "test_store_schedules.py::test_a_paused_one_waits_until_it_is_resumed"),
    # -- webhooks
    Mutation('the end is told to nobody', HOUSE, '  tell_end(task, words.status)\n', '', "test_store_webhooks.py::test_every_end_is_told_once"),
    Mutation('an end is told but not due', HOUSE, '  post(task.tenant, id, NOW)\n', '', 'test_store_webhooks.py::test_every_end_is_told_once'),
    Mutation('a delivery that ended stays due', HOUSE, '  unpost(webhook.tenant, id)\n', '', 'test_store_webhooks.py::test_a_delivery_that_ended_is_not_due_again'),
    Mutation('a tenant with nothing to tell stays in the outbox', HOUSE, "if not first then return redis.call('ZREM', OUTBOX, tenant) end", 'if not first then return end', 'test_store_webhooks.py::test_of_a_tenant_with_nothing_to_tell_the_outbox_knows_nothing'),
    Mutation('who was served stays first', HOUSE, 'local before = served and NOW_US or', 'local before = false and NOW_US or', 'test_store_webhooks.py::test_tenants_take_turns_whoever_has_waited_longer'),
    Mutation('who is due and not served loses its turn', HOUSE, "local before = served and NOW_US or tonumber(redis.call('ZSCORE', OUTBOX, tenant) or '0')", 'local before = NOW_US', 'test_store_webhooks.py::test_a_further_end_does_not_cost_a_tenant_its_turn'),
    Mutation('the next attempt waits for the lease', 'note_attempt', '  post(webhook.tenant, id, due)\n', '', 'test_store_webhooks.py::test_the_next_attempt_may_come_before_the_lease_would_have_ended'),
    Mutation('a delivery has no lease', 'due_deliveries', "  redis.call('ZADD', key('outbox', webhook.tenant), int(NOW + lease), id)\n", '', 'test_store_webhooks.py::test_a_lease_that_ran_out_is_taken_over_under_the_same_id'),
    Mutation('a page is the backlog of one tenant', 'due_deliveries', 'while #due > 0 do due = go_round(due) end', 'for _, tenant in ipairs(due) do local own = { tenant } while #own > 0 do own = go_round(own) end end', 'test_store_webhooks.py::test_a_tenant_with_many_does_not_hold_up_another'),
    Mutation('attempts without end', 'due_deliveries', 'if tonumber(webhook.attempt) >= most_attempts then', 'if false then', "test_store_webhooks.py::test_attempts_without_a_note_count_too"),
    Mutation('one tenant takes every delivery', 'due_deliveries', '< per_tenant and', '< per_tenant * 100 and', 'test_store_webhooks.py::test_a_tenant_with_many_does_not_hold_up_another'),
    Mutation('a note of any attempt is taken', 'note_attempt', "webhook.state ~= 'pending' or webhook.attempt ~= attempt", "webhook.state ~= 'pending'", "test_store_webhooks.py::test_a_note_about_nothing_is_refused"),
    Mutation('a note is taken twice', 'note_attempt', "if webhook['try:' .. attempt] then return 1 end", '', "test_store_webhooks.py::test_the_same_note_again_changes_nothing"),
    Mutation('410 is forgotten', 'note_attempt', "if state == 'disabled' then", 'if false then', "test_store_webhooks.py::test_410_ends_what_goes_to_the_same_url_of_the_same_tenant"),
    Mutation('a rotation asked for twice rotates twice', 'webhook_secret', ' and not (now and now.secret == ARGV[2])', '', "test_store_webhooks.py::test_the_same_rotation_sent_again_rotates_once"),
    # -- renew
    Mutation("renew holds for everybody", "renew", "answers[i - 8] = 'lost'", "answers[i - 8] = 'held'", "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation("renew extends nothing", "renew", "    redis.call('ZADD', LEASES, int(NOW + C.lease), id)\n", "", "test_store_running.py::test_a_renewed_lease_is_a_whole_lease"),
    Mutation("renew tells no cancel", "renew", "found[3] and 'cancel' or 'held'", "'held'", "test_store_running.py::test_renewals_answer_in_order"),
    # -- update
    Mutation("update asks for no fence", "update", "holds(task, ARGV[i]) and known(name)", "task and known(name)", "test_store_running.py::test_a_stale_fence_can_do_nothing"),
    Mutation("update opens what is done", "update", "not FINAL[agent.state] and not late", "not late", "test_store_running.py::test_a_final_agent_stays_as_it_is"),
    Mutation("update takes late reports", "update", "local function late_report(agent, attempt)\n", "local function late_report(agent, attempt)\n  if agent then return false end\n", "test_store_rules.py::test_what_was_said_of_an_attempt_before_it_failed_may_come_after"),
    Mutation("update lets progress go back", "update", "state == 'RETRY' and progress or math.max(agent.progress, progress)", "progress", "test_store_running.py::test_progress_does_not_go_back_except_on_retry"),
    Mutation("update shows no retry", "update", "write(task, 'state', retrying and 'RETRY' or 'PROGRESS'", "write(task, 'state', 'PROGRESS'", "test_store_running.py::test_a_retrying_agent_makes_the_task_retry"),
    # -- drafts, dispatchers, API keys
    Mutation('a new key says no policy', 'put_key', 'take_policy(cjson.decode(ARGV[3]).tenant, KEYS[10])\n', '', "test_store_queue.py::test_the_newest_key_of_a_tenant_says_its_limits"),
    Mutation("a revoked key's policy stays", 'revoke_key', 'take_policy(tenant, KEYS[10])\n', '', "test_store_queue.py::test_the_newest_key_of_a_tenant_says_its_limits"),
    Mutation('a raised rate does not count at once', 'take_request', "if full > NOW_US + each * burst then full = NOW_US end", "", "test_store_queue.py::test_a_raised_rate_counts_at_once"),
    Mutation('no request is counted', 'take_request', "redis.call('SET', KEYS[9], int(full + each), 'PX', math.ceil((full + each - NOW_US) / 1000) + 1)\n", '', "test_store_queue.py::test_requests_over_the_rate_are_told_when_to_come_back"),
    Mutation('an alert is not told', 'worker_failed', "  post('', id, NOW)\n", '', 'test_store_alerts.py::test_an_alert_that_is_to_be_told_is_in_the_outbox_once'),
    Mutation('an alert is told to nobody who asked', 'worker_failed', "if ARGV[5] == '1' then", 'if true then', 'test_store_alerts.py::test_an_alert_that_is_not_to_be_told_is_not_in_the_outbox'),
    Mutation('alerts of a kind have one id', 'worker_failed', "kind .. '\\n' .. alert.last", 'kind', 'test_store_alerts.py::test_each_alert_has_an_id_of_its_own'),
    Mutation('an alert is raised again and again', 'worker_failed', 'if not alert then\n', 'if true then\n', "test_store_alerts.py::test_the_last_of_enough_raises_it_once"),
    Mutation('failures far apart are an alert', 'worker_failed', 'if not oldest or NOW - tonumber(oldest) >= C.alert_window then', 'if not oldest then', "test_store_alerts.py::test_failures_of_which_the_first_is_too_long_ago_raise_nothing"),
    Mutation("a draft is changed while it runs", "save_draft", "found.deleted or found.status ~= 'draft') then", "found.deleted) then", "test_store_assessments.py::test_a_started_assessment_cannot_be_changed"),
    Mutation("a draft never expires", "save_draft", "for i = 9, 10 do redis.call('PEXPIRE', KEYS[i], C.draft_ttl) end\n", "", "test_store_rules.py::test_a_draft_is_gone_when_a_result_that_came_after_it_is"),
    Mutation("a dispatcher is never live", "heartbeat", "redis.call('HSET', KEYS[9], ARGV[1], cjson.encode(info))\n", "", "test_store_fleet.py::test_a_dispatcher_is_known_by_its_last_heartbeat"),
    Mutation("an old secret still opens", "put_key", "if before then redis.call('HDEL', KEYS[10], before) end\n", "", "test_store_fleet.py::test_a_new_secret_takes_the_place_of_the_old"),
    Mutation("a revoked key still opens", "revoke_key", "redis.call('HDEL', KEYS[10], secret)\n", "", "test_store_fleet.py::test_a_revoked_key_is_nowhere"),
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
