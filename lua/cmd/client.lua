-- h2probe client: the suites against a client, a command that is run once for each case.
local again = require "h2probe.again"
local campaign = require "h2probe.campaign"
local engine = require "h2probe.engine"
local preflight = require "h2probe.client_preflight"
local resources = require "h2probe.resources"
local results = require "h2probe.results"
local settings_file = require "h2probe.settings_file"
local under_test = require "h2probe.under_test"
local url = require "h2probe.url"
local words = require "h2probe.words"

local EXIT = results.EXIT

local SCHEME_OF <const> = { alpn = "https", upgrade = "http", prior = "http" }
local ALL <const> = { "alpn", "upgrade", "prior" }

local function usage(text)
  words.say(text)
  return nil, EXIT.usage
end

local function checked(options)
  if not options.tail or #options.tail == 0 then
    return usage "the command is missing: h2probe client [OPTIONS] [SELECTION...] -- COMMAND {url}"
  elseif (options.cert == nil) ~= (options.key == nil) then
    return usage "--cert and --key go together"
  end
  for _, name in ipairs { "cert", "key", "cacert" } do
    local text, message = true, nil
    if options[name] then
      text, message = resources.file(options[name])
    end
    if not text then
      return usage(settings_file.located(options, ("--%s: %s"):format(name, message)))
    end
  end
  local host, message = url.host_port(options.host:find(":", 1, true) and "[" .. options.host .. "]" or options.host, 1)
  if not host then
    return usage(settings_file.located(options, "--host: " .. message))
  end
  return true
end

local function selected(options)
  local sorted, message = words.sort(options.words)
  if sorted and sorted.url then
    sorted, message = nil, "client takes no URL: the command gets one for each case"
  end
  if not sorted then
    return usage(message)
  end
  local cases, catalogue = words.cases(sorted)
  if not cases then
    return nil, catalogue
  end
  local list, files = {}, {}
  for _, case in ipairs(cases) do
    list[#list + 1] = case.role == "server" and case or nil
  end
  for _, path in ipairs(sorted.files) do
    files[path] = true
  end
  if #list == 0 then
    words.say "nothing was selected: these cases test servers"
    return nil, EXIT.nothing
  end
  return { list = list, catalogue = catalogue, narrowed = #sorted.files + #sorted.selected > 0 }, files
end

-- The file that {cacert} names, and whether it is ours.
local function trusted(options)
  if options.cacert or options.cert then
    return options.cacert or options.cert, false
  end
  local pem, _, message = engine.own_certificates()
  local path, fd = nil, nil
  if pem then
    path, fd, message = engine.mkstemp((os.getenv "TMPDIR" or "/tmp") .. "/h2probe-")
  end
  if not path then
    return nil, message
  end
  engine.write(fd, pem)
  engine.close_fd(fd)
  return path, true
end

local function modes_of(options)
  return options.mode and options.mode ~= "all" and { options.mode } or ALL
end

local function aim_of(options, cacert)
  local targets, modes = {}, modes_of(options)
  local driver = under_test.command(options.tail)
  for _, mode in ipairs(modes) do
    targets[mode] = { scheme = SCHEME_OF[mode], host = options.host, path = options.path, client = driver,
      cacert = cacert, cert_file = options.cert, key_file = options.key }
  end
  return { text = table.concat(options.tail, " "), modes = modes, targets = targets, explicit = #modes == 1 }
end

-- One line of shell ----------------------------------------------------------------------------------------

local PASSED_ON <const> = { "host", "path", "cert", "key", "cacert" }
local DEFAULTS <const> = { host = "localhost", path = "/" }

local function command_maker(options, files)
  local tail, passed = {}, {}
  for i, word in ipairs(options.tail) do
    tail[i] = again.quoted(word)
  end
  for _, name in ipairs(PASSED_ON) do
    if options[name] ~= DEFAULTS[name] then
      passed[#passed + 1] = ("--%s %s"):format(name, again.quoted(options[name]))
    end
  end
  return function(case, mode)
    local line = { "h2probe client" }
    line[#line + 1] = case and (case.probe or files[case.file]) and again.quoted(case.file) or nil
    line[#line + 1] = case and not case.probe and case.id or nil
    line[#line + 1] = "--mode " .. mode
    table.move(passed, 1, #passed, #line + 1, line)
    return table.concat(line, " ") .. " -- " .. table.concat(tail, " ")
  end
end

return function(options)
  local good, status = checked(options)
  if not good then
    return status
  end
  local cases, files = selected(options)
  if not cases then
    return files
  end
  -- From here on a signal is kept for the loop, where the run has its own handlers: so the file is never left behind.
  engine.on_signal("SIGINT", function() os.exit(EXIT.failed) end)
  engine.on_signal("SIGTERM", function() os.exit(EXIT.failed) end)
  local cacert, ours = trusted(options)
  if not cacert then
    words.say(("the certificate cannot be written: %s"):format(ours))
    return EXIT.internal
  end
  local function tidy()
    if ours then
      os.remove(cacert)
    end
  end
  status = campaign.run { options = options, cases = cases.list, files = files, role = "server",
    catalogue = cases.catalogue, narrowed = cases.narrowed,
    aim = aim_of(options, cacert), look = preflight.look, command = command_maker(options, files), last_will = tidy }
  tidy()
  return status
end
