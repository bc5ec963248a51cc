-- --server-cmd: the command of a server, the ports and the certificate that it gets, and what is then the target.
local again = require "h2probe.again"
local args = require "h2probe.args"
local death = require "h2probe.death"
local engine = require "h2probe.engine"
local results = require "h2probe.results"
local supervisor = require "h2probe.supervisor"
local targets = require "h2probe.targets"

local server_command = {}

local HOST <const> = "127.0.0.1"
local PORTS <const> = { http = "port", https = "tls_port" }
local SCHEMES <const> = { alpn = "https", upgrade = "http", prior = "http" }
local LAST_WORDS <const> = 2 -- seconds that it gets to end when the pre-flight failed
local TAKEN <const> = 0.5 -- seconds for the look whether a port is taken already

-- Placeholders -------------------------------------------------------------------------------------------

-- ${port} is a variable of the shell's.
local function substituted(text, values)
  return (("\n" .. text):gsub("([^$]){(%l[%l_]*)}", function(before, name)
    return values[name] and before .. values[name] or nil
  end):sub(2))
end

local function named(text)
  local found = {}
  substituted(text, setmetatable({}, { __index = function(_, name)
    found[name] = true
  end }))
  return found
end

-- Two different ports that nobody has.
local function free_ports()
  local listeners, ports = {}, {}
  for _, name in pairs(PORTS) do
    local listener, code, message = engine.listen { host = HOST, port = 0 }
    if not listener then
      return nil, ("there is no free port: %s"):format(message or code)
    end
    listeners[#listeners + 1], ports[name] = listener, tostring(listener:port())
  end
  for _, listener in ipairs(listeners) do
    listener:close()
  end
  return ports
end

local function temporary(octets, files)
  local path, fd, message = engine.mkstemp((os.getenv "TMPDIR" or "/tmp") .. "/h2probe-")
  if not path then
    return nil, "a temporary file cannot be made: " .. (message or fd)
  end
  files[#files + 1] = path
  engine.write(fd, octets)
  engine.close_fd(fd)
  return path
end

local function add_identity(values, files)
  local cert, key, message = engine.own_identity()
  if not cert then
    return nil, message
  end
  values.cert, message = temporary(cert, files)
  if values.cert then
    values.key, message = temporary(key, files)
  end
  return values.key ~= nil, message
end

local function values_for(wanted, files)
  local values, message = free_ports()
  if not values then
    return nil, message
  end
  values.host = HOST
  if wanted.cert or wanted.key then
    local ok, problem = add_identity(values, files)
    if not ok then
      return nil, problem
    end
  end
  return values
end

local function environment_of(values)
  local env = {}
  for name, value in pairs(values) do
    env["H2PROBE_" .. name:upper()] = value
  end
  return env
end

local function quoted_values(values)
  local quoted = {}
  for name, value in pairs(values) do
    quoted[name] = again.quoted(value)
  end
  return quoted
end

-- The target ------------------------------------------------------------------------------------------------

local MISSING <const> = "--server-cmd: without a URL the command needs {port} (cleartext) or {tls_port}: "
  .. "h2probe run --server-cmd './server --listen {port}'"

-- From the placeholders of the command: a scheme for each port.
local function of_ports(wanted, values, options)
  local schemes = {}
  for scheme, name in pairs(PORTS) do
    schemes[scheme] = wanted[name] and ("%s://%s:%s/"):format(scheme, HOST, values[name]) or nil
  end
  if not next(schemes) then
    return nil, MISSING
  end
  local asked = options.mode ~= "all" and options.mode or nil
  if asked and not schemes[SCHEMES[asked]] then
    return nil, ("--mode %s needs {%s} in the command of --server-cmd"):format(asked, PORTS[SCHEMES[asked]])
  end
  local aim = { modes = {}, targets = {}, explicit = asked ~= nil }
  for _, scheme in ipairs { "https", "http" } do
    local part, message = nil, nil
    if schemes[scheme] and (not asked or SCHEMES[asked] == scheme) then
      part, message = targets.of_url(schemes[scheme], options)
    end
    if message then
      return nil, message
    end
    for _, mode in ipairs(part and part.modes or {}) do
      aim.modes[#aim.modes + 1], aim.targets[mode] = mode, part.targets[mode]
    end
  end
  return aim
end

-- Whoever listens there is not the server that we are about to start.
local function taken(aim)
  for _, mode in ipairs(aim.modes) do
    local target = aim.targets[mode]
    local at = target.connect_to or target
    local conn = engine.connection { role = "client" }
    local there = conn:connect { host = at.host, port = at.port, unix = target.unix, timeout = TAKEN }
    conn:close()
    if there then
      return ("somebody listens on %s already: stop it, or let the tester choose: {%s}"):format(
        target.unix or ("%s:%d"):format(at.host, at.port), PORTS[target.scheme])
    end
  end
end

local function aim_of(address, wanted, values, options)
  local aim, message
  if address then
    aim, message = targets.of_url(substituted(address, values), options)
  else
    aim, message = of_ports(wanted, values, options)
  end
  if not aim then
    return nil, message
  end
  for _, target in pairs(aim.targets) do
    target.ca_file = target.ca_file or values.cert
  end
  aim.text = address and ("%s (%s)"):format(address, options.server_cmd) or options.server_cmd
  return aim
end

local function remover(files)
  return function()
    for _, path in ipairs(files) do
      os.remove(path)
    end
  end
end

--- Prepares the server of options.server_cmd for a run against an address (nil: derived from the command).
-- { aim, keeper, tidy }, where tidy() takes away what was made; or nil, one line, and whether the address is taken.
function server_command.prepare(options, address, say)
  local files = {}
  local tidy = remover(files)
  local wanted = named(options.server_cmd)
  local values, message = values_for(wanted, files)
  local aim
  if values then
    aim, message = aim_of(address, wanted, values, options)
  end
  local busy = aim and taken(aim)
  if not aim or busy then
    tidy()
    return nil, busy or message, busy ~= nil
  end
  local keeper = supervisor.new { command = substituted(options.server_cmd, quoted_values(values)),
    env = environment_of(values), wait = options.server_wait, policy = options.restart, targets = aim.targets,
    modes = aim.modes, timeout = options.timeout, say = say }
  return { aim = aim, keeper = keeper, tidy = tidy }
end

-- The run ----------------------------------------------------------------------------------------------------

-- A run that was interrupted before it began: nothing is known of the target.
local function blank_look(aim)
  local offers = {}
  for _, mode in ipairs(aim.modes) do
    offers[mode] = { offered = true }
  end
  return { offers = offers, runs = {} }
end

local function with_log(message, log)
  local lines = { args.printable(message) }
  for line in (log or ""):gmatch "[^\n]+" do
    lines[#lines + 1] = "  | " .. args.printable(line)
  end
  return table.concat(lines, "\n")
end

--- Starts the server of a plan (lua/campaign.lua) and looks at it: what `look` returns, or nil, what to say, the exit status.
function server_command.look(plan, aim, look)
  local keeper = plan.keeper
  plan.interrupt = function() keeper:interrupt() end
  local ok, message, log = keeper:start()
  if plan.signal then
    return blank_look(aim)
  elseif not ok then
    return nil, with_log(message, log)
  end
  local found, problem = look()
  if found or plan.signal then
    return found or blank_look(aim)
  end
  local trouble = keeper:in_trouble(LAST_WORDS)
  if trouble and trouble.life.ended then
    keeper:settle(trouble)
    return nil, with_log("the target died in the pre-flight: " .. keeper:why(trouble), keeper:log(trouble)), results.EXIT.died
  end
  return nil, problem
end

local WHERE <const> = { start = "before it was ready", stop = "when it was stopped" }

--- Stops the server and adds what it had to say outside of all cases to the entries of the run.
function server_command.finish(keeper, aim, command, entries)
  keeper:stop()
  for number, finding in ipairs(keeper.findings) do
    local notes = finding.where == "stop" and finding.during and { "it had served " .. finding.during } or {}
    entries[#entries + 1] = death.entry { id = ("%s%s"):format(finding.where, number > 1 and "-" .. number or ""),
      mode = aim.modes[1], observed = ("the target complained %s: %s"):format(WHERE[finding.where], finding.summary),
      log = finding.log, notes = notes, command = command(nil, aim.modes[1]) }
  end
end

return server_command
