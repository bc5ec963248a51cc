-- Reports to where they were asked for: standard output, or a file that is there whole or not at all.
local args = require "h2probe.args"
local engine = require "h2probe.engine"
local outfile = require "h2probe.outfile"
local resources = require "h2probe.resources"
local selection = require "h2probe.selection"

local reporting = {}

local STDOUT <const> = 1

local function formats()
  local names = {}
  for _, path in ipairs(resources.list "reports/") do
    names[#names + 1] = path:match("^reports/([%w_-]+)%.lua$")
  end
  return names
end

local function writer_of(format)
  local names = formats()
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

--- The reports that were asked for: a list of { format, writer, file }, or nil and one line.
-- The console report takes standard output if no other one does.
function reporting.plan(asked)
  local list, to_stdout = {}, nil
  for _, report in ipairs(asked or {}) do
    local writer, message = writer_of(report.format)
    if not writer then
      return nil, message
    end
    local file = report.file ~= "-" and report.file or nil
    if not file and to_stdout then
      return nil, ("--report: both %s and %s go to standard output; say %s=FILE"):format(to_stdout, report.format,
        report.format)
    end
    local other = file and taken(list, file)
    if other then
      return nil, ("--report: both %s and %s go to %s"):format(other, report.format, args.printable(file))
    end
    to_stdout = to_stdout or (not file and report.format) or nil
    list[#list + 1] = { format = report.format, writer = writer, file = file }
  end
  if not to_stdout then
    table.insert(list, 1, { format = "console", writer = assert(writer_of "console") })
  end
  return list
end

local function colored(color, to_terminal)
  if color == "always" then
    return true
  end
  local plain = os.getenv "NO_COLOR"
  return color ~= "never" and to_terminal and not (plain and plain ~= "") and os.getenv "TERM" ~= "dumb"
end

--- What a live report needs to know (context of `begin` and `progress`).
function reporting.context(options, run)
  local terminal = engine.isatty(STDOUT)
  return { target = run.target, modes = run.modes, tty = terminal, color = colored(options.color, terminal),
    width = terminal and engine.terminal_width() or 80, verbose = options.verbose, strict = options.strict,
    rounds = options.rounds, now = engine.now, write = function(text) return engine.write(STDOUT, text) end }
end

--- Calls `begin` or `progress` of the reports that are live on standard output.
function reporting.live(list, call, context, event)
  for _, report in ipairs(list) do
    local live = not report.file and report.writer[call]
    if live then
      live(context, event)
    end
  end
end

local function write_one(report, results, context)
  local made, text = xpcall(report.writer.write, debug.traceback, results,
    { color = context.color and not report.file, width = context.width, verbose = context.verbose,
      strict = context.strict, rounds = context.rounds, tty = context.tty and not report.file })
  if not made then
    return nil, text
  end
  if report.file then
    return outfile.write(report.file, text)
  end
  local ok, code, message = engine.write(STDOUT, text)
  return ok, ("standard output: %s"):format(message or code)
end

--- Writes every report; what went wrong is a list of lines, empty if all is well.
function reporting.write(list, results, context)
  local problems = {}
  for _, report in ipairs(list) do
    local ok, message = write_one(report, results, context)
    if not ok then
      problems[#problems + 1] = args.printable(("the report %s could not be written: %s"):format(report.format, message))
    end
  end
  return problems
end

return reporting
