-- What a run leaves behind beside its reports: --pcapng, a packet capture, and --save-failing, a folder for each case that
-- failed with its transcript, a script that runs it again, the commands, and its packets.
local args = require "h2probe.args"
local captures = require "h2probe.captures"
local console = require "h2probe.reports.console"
local engine = require "h2probe.engine"
local outfile = require "h2probe.outfile"
local results = require "h2probe.results"
local saved_script = require "h2probe.saved_script"
local settle = require "h2probe.settle"

local takeaway = {}

local EXIT <const>, WIDTH <const> = results.EXIT, 120

local Takeaway = {}
Takeaway.__index = Takeaway

-- Opening ---------------------------------------------------------------------------------------------------------

local function make_folder(path)
  local made = path:find "^/" and "/" or ""
  for name in path:gmatch "[^/]+" do
    made = made .. name
    local ok, _, message = engine.mkdir(made)
    if not ok then
      return nil, ("%s: %s"):format(made, message)
    end
    made = made .. "/"
  end
  return true
end

-- Whether files can be made there.
local function usable_folder(path)
  local ok, message = make_folder(path)
  if not ok then
    return nil, message
  end
  local file, problem = outfile.open((path:gsub("/+$", "")) .. "/h2probe")
  if not file then
    return nil, problem
  end
  file:drop()
  return true
end

--- From options (pcapng, pcapng_all, save_failing, strict). `command(case, mode)` makes a line of shell, as for results. nil,
-- one line and the exit status where that cannot be done.
function takeaway.plan(options, command)
  if options.pcapng_all and not options.pcapng then
    return nil, "--pcapng-all needs --pcapng FILE", EXIT.usage
  end
  local self = setmetatable({ folder = options.save_failing and (options.save_failing:gsub("(.)/+$", "%1")),
    all = options.pcapng_all, strict = options.strict, command = command, problems = {} }, Takeaway)
  local ok, message = true, nil
  if self.folder then
    ok, message = usable_folder(self.folder)
    message = not ok and "--save-failing: " .. message or nil
  end
  if ok and options.pcapng then
    self.capture, message = captures.open(options.pcapng)
    message = not self.capture and "--pcapng: " .. message or nil
  end
  if message then
    return nil, args.printable(message), EXIT.internal
  end
  return self
end

function Takeaway:wanted()
  return self.capture ~= nil or self.folder ~= nil
end

--- From here on connections to these targets (by mode) are recorded.
function Takeaway:arm(targets)
  for _, target in pairs(self:wanted() and targets or {}) do
    target.capture = captures.LIMIT
  end
end

-- Folders ---------------------------------------------------------------------------------------------------------

local BAD <const> = { fail = true, error = true, inconclusive = true }

function Takeaway:is_failing(result)
  if result.expected_failure then
    return false
  end
  return BAD[result.verdict] or (result.verdict == "warn" and self.strict) or false
end

local function commands(result, script_command, has_packets, folder)
  local lines = { "# The case, as it was run:", result.command }
  if script_command then
    lines[#lines + 1] = "\n# The saved script, which needs no suite:"
    lines[#lines + 1] = script_command
  end
  if has_packets then
    lines[#lines + 1] = "\n# The packets, keys included:"
    lines[#lines + 1] = ("wireshark %s/capture.pcapng"):format(folder)
  end
  return table.concat(lines, "\n") .. "\n"
end

function Takeaway:write(path, octets)
  local ok, message = outfile.write(path, octets)
  if not ok then
    self.problems[#self.problems + 1] = "--save-failing: " .. message
  end
end

-- script: the text and the name of its file, or nil.
function Takeaway:save(result, list, script, name)
  local folder = ("%s/%s.%s"):format(self.folder, result.id:gsub("[^%w._-]", "."), result.mode)
  local ok, message = make_folder(folder)
  if not ok then
    self.problems[#self.problems + 1] = "--save-failing: " .. message
    return
  end
  local path = name and folder .. "/" .. name
  self:write(folder .. "/transcript.txt", console.case(result, { width = WIDTH, verbose = true, unicode = false }))
  self:write(folder .. "/command.txt", commands(result,
    path and self.command({ probe = true, file = path, id = result.id }, result.mode), #list > 0, folder))
  if script then
    self:write(path, script)
  end
  if #list > 0 then
    self:write(folder .. "/capture.pcapng", captures.file(result, list))
  end
end

-- Which row of `each` this is.
local function position_of(case, row)
  for position, each in ipairs(row ~= nil and case.each or {}) do
    if rawequal(each, row) then
      return position
    end
  end
  return 1
end

-- What happens in a run -------------------------------------------------------------------------------------------

function Takeaway:settled(unit, result)
  local list = captures.of_unit(unit, self.all)
  if self.capture and (self.all or (result.verdict ~= "pass" and result.verdict ~= "skip")) then
    self.capture:add(result, list)
  end
  if self.folder and self:is_failing(result) then
    local decides = settle.deciding(unit.records)
    local position = position_of(unit.case, decides.run and decides.run.row)
    self:save(result, list, saved_script.of(unit.case, unit.mode, result, position))
  end
  for _, record in pairs(unit.records) do
    captures.forget(record.run)
  end
end

--- For the runner: what to call with each unit and its result; nil where nothing is wanted.
function Takeaway:hook()
  return self:wanted() and function(unit, result) self:settled(unit, result) end or nil
end

-- A rule of the watchman that was broken; the case that it was seen in.
function Takeaway:found(result, finding)
  local list = { finding.capture and { capture = finding.capture } }
  if self.capture then
    self.capture:add(result, list)
  end
  if self.folder and self:is_failing(result) then
    if finding.unit then
      local case = finding.unit.case
      self:save(result, list, saved_script.of(case, finding.mode, result, position_of(case, finding.row)))
    else
      self:save(result, list, saved_script.of_preflight(result))
    end
  end
end

--- The end of a run, with its entries: a list of lines about what could not be written.
function Takeaway:conclude(entries)
  for _, entry in ipairs(entries) do
    if entry.finding and self:wanted() then
      self:found(entry.result, entry.finding)
    end
  end
  if self.capture then
    local ok, message = self.capture:close()
    if not ok then
      table.insert(self.problems, 1, "--pcapng: " .. message)
    end
    self.capture = nil
  end
  for i, problem in ipairs(self.problems) do
    self.problems[i] = args.printable(problem)
  end
  return self.problems
end

--- The run comes to no end: nothing half is left.
function Takeaway:drop()
  if self.capture then
    self.capture:drop()
    self.capture = nil
  end
end

return takeaway
