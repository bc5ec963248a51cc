-- A whole run: target, pre-flight, rounds of cases, results, reports, exit status.
local args = require "h2probe.args"
local again = require "h2probe.again"
local build = require "h2probe.reports.shared.build"
local deadline = require "h2probe.deadline"
local engine = require "h2probe.engine"
local gate = require "h2probe.gate"
local preflight = require "h2probe.preflight"
local reporting = require "h2probe.reporting"
local results = require "h2probe.results"
local runner = require "h2probe.runner"
local server_command = require "h2probe.server_command"
local settings_file = require "h2probe.settings_file"
local takeaway = require "h2probe.takeaway"
local targets = require "h2probe.targets"

local campaign = {}

local EXIT = results.EXIT

-- Many targets say what they have to say in their own place.
local function say(plan, text)
  if plan.say then
    return plan.say(text)
  end
  io.stderr:write("h2probe: ", text, "\n")
end

-- The target ------------------------------------------------------------------------------------------

local function local_server(plan)
  local server, code, message = require("h2probe.server").start { host = "127.0.0.1", port = 0, tls_port = 0 }
  if not server then
    return nil, ("the embedded reference server does not start: %s"):format(message or code)
  end
  plan.server = server
  return targets.of_server(server, plan.options)
end

local function mode_list(aim, offers)
  local list = {}
  for i, mode in ipairs(aim.modes) do
    list[i] = { mode = mode, offered = offers[mode].offered, reason = offers[mode].reason }
  end
  return list
end

-- Rounds ----------------------------------------------------------------------------------------------

local function round_options(plan, aim, look, context)
  local options = plan.options
  return {
    cases = plan.gate.cases, wanted = function(case, mode) return plan.gate:wanted(case, mode) end,
    modes = aim.modes, targets = aim.targets, offers = look.offers, explicit = aim.explicit,
    jobs = look.parallel and options.jobs or 1, timeout = options.timeout, fail_fast = options.fail_fast,
    strict = options.strict, verbose = options.verbose,
    command = plan.command, on_settled = plan.takeaway:hook(), keep_runs = options.pcapng_all,
    findings = look.runs, round_trip = look.round_trip, role = plan.role, unguarded = plan.role == "server", keeper = plan.keeper,
    progress = function(event)
      event.round = plan.round
      plan.gate:mark(event.result)
      reporting.live(plan.reports, "progress", context, event)
    end,
    on_start = function(interrupt)
      plan.interrupt = interrupt
      if plan.signal then
        interrupt(plan.signal, plan.why)
      end
    end,
  }
end

-- Signals: the first ends the run, with reports; the second ends everything.
local function on_signals(plan)
  for _, name in ipairs(plan.keeper and { "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT" } or { "SIGINT", "SIGTERM" }) do
    engine.on_signal(name, function()
      if plan.signal and plan.signal ~= "deadline" then
        if plan.last_will then
          plan.last_will()
        end
        plan.takeaway:drop()
        os.exit(EXIT.failed)
      end
      plan.signal = name
      if plan.interrupt then
        plan.interrupt(name)
      end
    end)
  end
end

-- The end of the time for the whole run is like a signal, once.
local function on_deadline(plan)
  local seconds = plan.options.deadline
  if not seconds then
    return
  end
  plan.timer = deadline.start(seconds, function()
    if plan.signal then
      return
    end
    plan.signal, plan.why = "deadline", deadline.text(seconds)
    if plan.interrupt then
      plan.interrupt(plan.signal, plan.why)
    end
  end)
end

-- A round is forgotten when it is merged, so that memory does not grow with their number.
local function run_rounds(plan, options)
  local merger, last, died = results.merger(), nil, nil
  for round = 1, plan.options.rounds do
    if round > 1 and plan.signal then
      break
    end
    plan.round = round
    options.findings = round == 1 and options.findings or {}
    last = runner.run(options)
    merger:add(plan.gate:entries(last.entries))
    died = died or last.died
    if last.died and not last.complete or last.interrupted then
      break
    end
  end
  last.died = died
  local entries, flakes = merger:finish()
  return entries, merger.rounds > 1 and flakes or nil, last
end

local function flake_table(flakes, rounds)
  local lines = { ("verdicts that changed in %d rounds:"):format(rounds) }
  for _, flake in ipairs(flakes) do
    lines[#lines + 1] = ("  %-60s %-8s %s"):format(flake.id, flake.mode, build.counts(flake.verdicts))
  end
  if #flakes == 0 then
    lines[1] = ("no verdict changed in %d rounds"):format(rounds)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Where no console report tells them.
local function show_flakes(plan, all)
  if not all.flakes then
    return
  end
  for _, report in ipairs(plan.reports) do
    if report.format == "console" and not report.file then
      return
    end
  end
  io.stderr:write(flake_table(all.flakes, plan.options.rounds))
end

local function conclude(plan, all, context, entries)
  local problems = plan.takeaway:conclude(entries)
  local lost = #problems
  local unwritten, more = reporting.write(plan.reports, all, context)
  table.move(unwritten, 1, #unwritten, #problems + 1, problems)
  lost = lost + more
  show_flakes(plan, all)
  for _, problem in ipairs(problems) do
    say(plan, problem)
  end
  if lost > 0 then
    return EXIT.internal
  end
  local status = results.exit_status(all, plan.options.strict)
  if status == EXIT.nothing then
    say(plan, all.summary.total == 0 and "nothing was run: none of the selected cases applies to this target and mode"
      or "nothing was proved: every case was skipped or inconclusive")
  end
  return status
end

local function looked(plan, aim)
  local function look()
    return (plan.look or preflight.look) { targets = aim.targets, modes = aim.modes, timeout = plan.options.timeout,
      jobs = plan.options.jobs }
  end
  if plan.keeper then
    return server_command.look(plan, aim, look)
  end
  return look()
end

local function measured(plan, aim)
  local started, from = os.time(), engine.now()
  local look, message, status = looked(plan, aim)
  if not look then
    say(plan, message)
    return status or EXIT.unreachable
  end
  local modes = mode_list(aim, look.offers)
  local context = reporting.context(plan.options, { target = aim.text, modes = modes,
    started = results.stamp(started), shard = plan.gate and plan.gate.shard })
  reporting.live(plan.reports, "begin", context)
  local entries, flakes, last = run_rounds(plan, round_options(plan, aim, look, context))
  if plan.keeper then
    server_command.finish(plan.keeper, aim, plan.command, entries)
  end
  local run = { target = aim.text, started = started, seconds = engine.now() - from, modes = modes,
    interrupted = plan.signal, complete = last.complete, died = last.died, entries = entries, flakes = flakes }
  local members, said = plan.gate:members(run)
  for name, value in pairs(members or {}) do
    run[name] = value
  end
  local all = results.new(run)
  if plan.on_results then
    plan.on_results(all)
  end
  status = conclude(plan, all, context, entries)
  if said then
    say(plan, args.printable(said))
  end
  return members and status or EXIT.internal
end

local function summary_text(all)
  local counts = {}
  for _, verdict in ipairs(results.VERDICTS) do
    if all.summary[verdict] > 0 then
      counts[#counts + 1] = ("%s %d"):format(verdict, all.summary[verdict])
    end
  end
  return #counts > 0 and table.concat(counts, ", ") or "nothing was run"
end

--- A run without reports: cases, aim (of targets), timeout, jobs, command. The exit status, why, and the results.
function campaign.judge(plan)
  local aim = plan.aim
  local look, message = preflight.look { targets = aim.targets, modes = aim.modes, timeout = plan.timeout }
  if not look then
    return EXIT.unreachable, message
  end
  local run = runner.run { cases = plan.cases, modes = aim.modes, targets = aim.targets, offers = look.offers,
    explicit = aim.explicit, jobs = look.parallel and plan.jobs or 1, timeout = plan.timeout, longest = plan.longest,
    command = plan.command, findings = look.runs, round_trip = look.round_trip }
  local all = results.new { target = aim.text, started = os.time(), seconds = 0, modes = mode_list(aim, look.offers),
    complete = run.complete, died = run.died, entries = run.entries }
  return results.exit_status(all), summary_text(all), all.results
end

local function aim_of(plan)
  if plan.aim then
    return plan.aim
  elseif plan.options.server_cmd then
    local prepared, message, busy = server_command.prepare(plan.options, plan.url, say)
    if not prepared then
      return nil, message, busy and EXIT.unreachable
    end
    plan.keeper, plan.last_will = prepared.keeper, prepared.tidy
    return prepared.aim
  elseif plan.url then
    return targets.of_url(plan.url, plan.options)
  end
  return local_server(plan)
end

--- Runs cases against a URL or the embedded server. `plan`: options, url (nil: embedded), cases, files (set of paths
-- that were named), and for the gate: catalogue (all cases), narrowed (there was a selection), probes; or role = "server"
-- for clients under test: aim, look, command, last_will
-- (called before a second signal ends everything); or one of many targets: silent (signals, the deadline and standard
-- output are another's), say(text), on_results(results). Returns the exit status.
function campaign.run(plan)
  local reports, message = reporting.plan(plan.options.reports, plan.options.no_github, plan.silent)
  if not reports then
    say(plan, settings_file.located(plan.options, message))
    return EXIT.usage
  end
  plan.reports = reports
  local opened, mistakes = gate.open(plan)
  if not opened then
    for _, mistake in ipairs(mistakes) do
      say(plan, mistake)
    end
    return EXIT.usage
  end
  plan.gate = opened
  for _, note in ipairs(opened.notes) do
    say(plan, note)
  end
  local aim, wrong, why = aim_of(plan)
  if not aim then
    say(plan, settings_file.located(plan.options, args.printable(wrong)))
    return why or EXIT.usage
  end
  local _ <close> = plan.keeper and setmetatable({}, { __close = plan.last_will })
  for _, problem in ipairs(reporting.prepare(reports)) do
    say(plan, problem)
  end
  plan.command = plan.command or again.of_server(plan.url, plan.files, plan.options)
  local kept, problem, status = takeaway.plan(plan.options, plan.command)
  if not kept then
    say(plan, problem)
    return status
  end
  plan.takeaway = kept
  kept:arm(aim.targets)
  if not plan.silent then
    on_signals(plan)
    on_deadline(plan)
  end
  status = measured(plan, aim)
  kept:drop()
  if plan.timer then
    plan.timer:cancel "the run is over"
  end
  local ours = plan.server or plan.keeper
  if ours then
    ours:stop()
  end
  return status
end

return campaign
