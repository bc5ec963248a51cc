-- Reports to where they were asked for: planned and looked at before the run, live while it goes on, written at its end.
local actions = require "h2probe.actions"
local args = require "h2probe.args"
local engine = require "h2probe.engine"
local files = require "h2probe.report_files"
local resources = require "h2probe.resources"
local selection = require "h2probe.selection"

local reporting = {}

local STDOUT <const>, STDERR <const> = 1, 2

--- The names of the formats that there are.
function reporting.formats()
  local names = {}
  for _, path in ipairs(resources.list "reports/") do
    names[#names + 1] = path:match("^reports/([%w_-]+)%.lua$")
  end
  return names
end

--- Writes a file that is there whole or not at all; true, or nil and one line.
reporting.write_file = files.write

-- The plan ----------------------------------------------------------------------------------------------

local function writer_of(format)
  local names = reporting.formats()
  for _, name in ipairs(names) do
    if name == format then
      return require("h2probe.reports." .. format)
    end
  end
  local near = selection.nearest(format, names)
  return nil, ("--report: there is no format '%s'%s"):format(format, near and (": did you mean '%s'?"):format(near)
    or "; there are " .. table.concat(names, ", "))
end

-- The format among those so far that goes to the same file; devices take several.
local function taken(list, file)
  for _, report in ipairs(list) do
    if report.file and report.file:gsub("^%./+", "") == file:gsub("^%./+", "") and not file:find "^/dev/" then
      return report.format
    end
  end
end

local function on_stdout(list)
  for _, report in ipairs(list) do
    if not report.file and not report.writer.beside then
      return report
    end
  end
end

local function has(list, format)
  for _, report in ipairs(list) do
    if report.format == format then
      return true
    end
  end
  return false
end

-- One more report, or nil and why not.
local function add(list, report)
  local writer, message = writer_of(report.format)
  if not writer then
    return nil, message
  end
  local file = report.file ~= "-" and report.file or nil
  local first = not file and not writer.beside and on_stdout(list)
  if first then
    return nil, ("--report: both %s and %s go to standard output; say %s=FILE"):format(first.format, report.format,
      report.format)
  end
  local other = file and taken(list, file)
  if other then
    return nil, ("--report: both %s and %s go to %s"):format(other, report.format, args.printable(file))
  end
  list[#list + 1] = { format = report.format, writer = writer, file = file }
  return true
end

--- The reports that were asked for: a list of { format, writer, file }, or nil and one line.
-- The console report takes standard output if no other one does. Where GitHub Actions runs us there are annotations,
-- too, unless `no_github`. `silent`: only what was asked for.
function reporting.plan(asked, no_github, silent)
  local list = {}
  for _, report in ipairs(asked or {}) do
    local ok, message = add(list, report)
    if not ok then
      return nil, message
    end
  end
  if not silent and not on_stdout(list) then
    table.insert(list, 1, { format = "console", writer = assert(writer_of "console") })
  end
  if actions.detected() and not no_github and not silent and not has(list, "github") then
    assert(add(list, { format = "github" }))
  end
  return list
end

local function could_not(report, message)
  return args.printable(("the report %s could not be written: %s"):format(report.format, message))
end

--- Looks before the run whether the files can be written. What cannot is left out; a list of lines says why.
function reporting.prepare(list)
  local problems = {}
  for _, report in ipairs(list) do
    local ok, message = true, nil
    if report.file and report.writer.streamed then
      ok, message = files.stream(report.file)
      report.stream = ok
    elseif report.file then
      ok, message = files.check(report.file)
    end
    if not ok then
      report.lost = true
      problems[#problems + 1] = could_not(report, message)
    end
  end
  return problems
end

-- Live --------------------------------------------------------------------------------------------------

local function colored(color, to_terminal)
  if color == "always" then
    return true
  end
  local plain = os.getenv "NO_COLOR"
  return color ~= "never" and to_terminal and not (plain and plain ~= "") and os.getenv "TERM" ~= "dumb"
end

--- What a live report needs to know (context of `begin` and `progress`), and what `write` gets its options from.
function reporting.context(options, run)
  local terminal = engine.isatty(STDOUT)
  return { target = run.target, modes = run.modes, shard = run.shard, started = run.started,
    settings_file = options.settings_file,
    tool = { name = "h2probe", version = engine.version }, tty = terminal, color = colored(options.color, terminal),
    width = terminal and engine.terminal_width() or 80, verbose = options.verbose, quiet = options.quiet,
    strict = options.strict, rounds = options.rounds, now = engine.now,
    write = function(text) return engine.write(STDOUT, text) end }
end

-- The annotations that follow the report on standard output, if there are such.
local function annotated(list)
  local main = on_stdout(list)
  for _, report in ipairs(list) do
    if main and main.format == "console" and report.writer.beside and not report.file then
      return true
    end
  end
  return false
end

-- From here to the annotations the log holds what peers sent, and no commands.
local function hush(list, context)
  if not context.loud and annotated(list) then
    local stop, loud = actions.quiet_words()
    context.loud = loud
    context.write(stop)
  end
end

-- Each live report has a context of its own, and a stream if it grows in a file.
local function begun(report, context)
  local own = setmetatable({}, { __index = context })
  if report.stream then
    report.stream:start()
    own.write = function(text) return report.stream:write(text) end
  end
  return own
end

local function is_live(report)
  return not report.lost and (not report.file or report.stream)
end

--- Calls `begin` or `progress` of the reports that are live: those on standard output, and files that grow.
function reporting.live(list, call, context, event)
  if call == "begin" then
    hush(list, context)
  end
  for _, report in ipairs(list) do
    local live = is_live(report) and report.writer[call]
    if live then
      report.context = report.context or begun(report, context)
      live(report.context, event)
    end
  end
end

-- The end -----------------------------------------------------------------------------------------------

local function text_of(report, results, context, lost)
  local options = { color = context.color and not report.file, width = context.width, verbose = context.verbose,
    quiet = context.quiet, strict = context.strict, rounds = context.rounds, tty = context.tty and not report.file,
    lost = lost }
  if report.context and report.writer.finish then
    return report.writer.finish(report.context, results)
  elseif context.compared and report.writer.compare then
    return report.writer.compare(context.compared, options)
  end
  return report.writer.write(results, options)
end

local function to_descriptor(fd, text)
  local ok, code, message = engine.write(fd, text)
  return ok, ("standard %s: %s"):format(fd == STDOUT and "output" or "error", message or code)
end

-- Annotations follow the console report; beside a report for programs they go where they spoil nothing.
local function beside(list, context, text)
  if not annotated(list) then
    return to_descriptor(STDERR, text)
  end
  return to_descriptor(STDOUT, (context.loud or "") .. text)
end

local function deliver(list, report, context, text)
  if report.stream then
    if not report.context then
      report.stream:start()
    end
    report.stream:write(text)
    return report.stream:close()
  elseif report.file then
    return files.write(report.file, text)
  elseif report.writer.beside then
    return beside(list, context, text)
  end
  return to_descriptor(STDOUT, text)
end

local function summarize(results, context)
  return actions.summarize(function(limit)
    return require("h2probe.reports.markdown").write(results, { strict = context.strict, limit = limit })
  end)
end

local function write_one(list, report, results, context, lost)
  local made, text = xpcall(text_of, debug.traceback, report, results, context, lost)
  if not made then
    return nil, text
  end
  local ok, message = deliver(list, report, context, text)
  if ok and report.writer.beside then
    return summarize(results, context)
  end
  return ok, message
end

-- Files first: what goes to people can then say what was lost; annotations last.
local function in_order(list)
  local order = {}
  for rank = 1, 3 do
    for _, report in ipairs(list) do
      if rank == (report.file and 1 or report.writer.beside and 3 or 2) then
        order[#order + 1] = report
      end
    end
  end
  return order
end

--- Writes every report; what went wrong is a list of lines, empty if all is well. The second value: how many reports are
-- not there, with those that were known before the run.
function reporting.write(list, results, context)
  local problems, lost = {}, {}
  hush(list, context)
  for _, report in ipairs(in_order(list)) do
    if not report.lost then
      local ok, message = write_one(list, report, results, context, #lost > 0 and lost or nil)
      report.lost = not ok
      problems[#problems + 1] = not ok and could_not(report, message) or nil
    end
    lost[#lost + 1] = report.lost and report.format or nil
  end
  return problems, #lost
end

return reporting
