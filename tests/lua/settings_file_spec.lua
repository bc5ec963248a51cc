-- The settings file: what options it may set, which side wins, and every mistake with file and line.
local fake = dofile "tests/lua/fake_engine.lua"
local need = fake.modules()
local args = need "args"
local settings_file = need "settings_file"

-- Applies a file of this text to the options of a command line.
local function apply(text, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local words = { ... }
  words[1] = words[1] or "run"
  table.insert(words, 2, "--config")
  table.insert(words, 3, path)
  local options = assert(args.parse(words))
  local ok, mistakes = fake.call(settings_file.apply, options)
  os.remove(path)
  for i, mistake in ipairs(mistakes or {}) do
    mistakes[i] = mistake:gsub(path, "FILE", 1)
  end
  return ok and options, mistakes
end

describe("settings", function()
  it("are what options say", function()
    local options = assert(apply [[
return {
  timeout = 3.5, jobs = 4, insecure = true, mode = "prior", ["fail-fast"] = true, headers = { "X-A: b", "c: d" },
  reports = { "console", "junit=x.xml" }, exclude = "hpack", connect_to = "[::1]:99", large_path = "/big", strict = false,
  rounds = 2, shard = "2/3", level = "MUST", sni = "", deadline = 60,
}]])
    assert.are.same({ 3.5, 4, true, "prior", true, "/big", nil, 2, "MUST", "", 60.0 }, { options.timeout, options.jobs,
      options.insecure, options.mode, options.fail_fast, options.large_path, options.strict, options.rounds, options.level,
      options.sni, options.deadline })
    assert.are.same({ { "x-a", "b" }, { "c", "d" } }, options.headers)
    assert.are.same({ { format = "console" }, { format = "junit", file = "x.xml" } }, options.reports)
    assert.are.same({ { "hpack" }, { host = "::1", port = 99 }, { index = 2, total = 3 } },
      { options.exclude, options.connect_to, options.shard })
  end)

  it("may be assigned, and computed of each other", function()
    local options = assert(apply "jobs = 3\ntimeout = jobs / 2\n_ENV['repeat'] = 4")
    assert.are.same({ 3, 1.5, 4 }, { options.jobs, options.timeout, options.rounds })
  end)

  it("give way to the command line, lists as a whole", function()
    local options = assert(apply("timeout = 5 jobs = 7 exclude = { 'a', 'b' } only = 'c' reports = 'json'", "run", "--timeout", "2",
      "--exclude", "d", "--report=junit=x"))
    assert.are.same({ 2.0, 7, { "d" }, { "c" }, { { format = "junit", file = "x" } } },
      { options.timeout, options.jobs, options.exclude, options.only, options.reports })
  end)

  it("of other commands are passed over, but checked", function()
    assert.is_nil(assert(apply("host = 'x'", "run")).host)
    assert.are.equal("x", assert(apply("host = 'x' insecure = true", "client", "--", "true")).host)
    local _, mistakes = apply("insecure = 3", "client", "--", "true")
    assert.is_truthy(mistakes[1]:find("FILE:1: insecure: it is true or false", 1, true))
  end)

  it("name the target where the command line does not", function()
    assert.are.same({ "http2", "http://a/" }, assert(apply("url = 'http://a/'", "run", "http2")).words)
    assert.are.same({ "http://b/" }, assert(apply("url = 'http://a/'", "run", "http://b/")).words)
    assert.are.same({}, assert(apply("url = 'http://a/'", "client", "--", "true")).words)
  end)

  it("keep the defaults of what they do not say", function()
    local options = assert(apply("", "run"))
    assert.are.same({ 32, 2.0, 1, "auto" }, { options.jobs, options.timeout, options.rounds, options.color })
    assert.are.equal(5.0, assert(apply("", "client", "--", "true")).timeout)
  end)

  it("are taken for every option of the three commands but those about the file", function()
    local keys, count = settings_file.keys(), 0
    for _, command in ipairs(args.parser()._commands) do
      for _, option in ipairs(args.TAKES_SETTINGS[command._name] and command._options or {}) do
        local name = option._aliases[#option._aliases]:match("^%-%-(.*)$"):gsub("-", "_")
        local expected = not ({ help = 1, root = 1, config = 1, no_config = 1 })[name]
        assert.are.equal(expected, keys[name] ~= nil, name)
        count = count + 1
      end
    end
    assert.is_true(count > 60)
  end)
end)

local MISTAKES = {
  { "timeuot = 3", "FILE:1: unknown setting 'timeuot' (did you mean 'timeout'?)" },
  { "\n\njobs = 'many'", "FILE:3: jobs: 'many' is not a whole number" },
  { "return {\n jobs = 1,\n mode = 'alpm' }", "FILE:3: mode: 'alpm' is none of alpn" },
  { "return { -- jobs = 3\n [ 'jobs' ] = 0 }", "FILE:2: jobs: '0' is not" }, { "jobs = 1.5", "'1.5' is not" },
  { "reports = { 'console', 3, x = 1 }", "reports: it is a list of values, without a key 'x'" },
  { "reports = 'a=b=c'", nil }, { "headers = { 'nocolon' }", "headers: 'nocolon' is not a field line" },
  { "report = 'json' reports = 'json'", "it is the same as report in line 1" }, { "config = 'x'", "unknown setting 'config'" },
  { "jobs = function() end", "a function is neither" }, { "jobs = {}", "one value, not a table" },
  { "insecure = 'yes'", "true or false, not 'yes'" }, { "insecure = ture", "FILE:1: 'ture' does not exist" },
  { "url = 'localhost'", "FILE:1: url: 'localhost' is no URL" }, { "return 3", "returns 3, no table" },
  { "jobs = 3 return {}", nil }, { "jobs = 3 return { jobs = 3 }", "either assigned or returned" }, { "jobs =", "FILE:1:" },
  { "os.exit(0)", "'os' does not exist" },
  { "return { [3] = 'x' }", "unknown setting 3" }, { "jobs = 0 timeout = 0", "FILE:1: jobs" },
}

describe("a settings file", function()
  for _, row in ipairs(MISTAKES) do
    it("with " .. row[1]:gsub("%c", " "), function()
      local options, mistakes = apply(row[1])
      if row[2] then
        assert.is_falsy(options)
        assert.is_truthy(mistakes[1]:find(row[2], 1, true), mistakes[1])
        assert.is_nil(mistakes[1]:find "[%c]")
      end
    end)
  end

  it("with several mistakes tells all in the order of the lines", function()
    local _, mistakes = apply "return {\n jobs = 0,\n tmeout = 1,\n mode = 2 }"
    assert.are.equal(3, #mistakes)
    for i, mistake in ipairs(mistakes) do
      assert.is_truthy(mistake:find("^FILE:" .. i + 1 .. ":"), mistake)
    end
  end)

  it("that was named and is not there is a mistake", function()
    local options = assert(args.parse { "run", "--config", "/nonexistent/x.lua" })
    local _, mistakes = fake.call(settings_file.apply, options)
    assert.are.same({ "--config: /nonexistent/x.lua: No such file or directory" }, mistakes)
    options = assert(args.parse { "run", "--config", "x", "--no-config" })
    _, mistakes = fake.call(settings_file.apply, options)
    assert.is_truthy(mistakes[1]:find("exclude each other", 1, true))
  end)

  it("is named where a value of its turns out wrong later", function()
    local options = assert(apply "\nreports = { 'jnit' }")
    assert.is_truthy(settings_file.located(options, "--report: there is no format"):find(":2: reports: there is no format$"))
    assert.are.equal("--cacert: x", settings_file.located(options, "--cacert: x"))
  end)
end)
