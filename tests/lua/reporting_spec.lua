-- Reports to files: whole or not at all, and one failure does not stop the others.
local fake = dofile "tests/lua/fake_engine.lua"

local written = {}
fake.isatty = function() return false end
fake.terminal_width = function() return 80 end
fake.random = function(n) return ("\1"):rep(n) end
fake.hex = function(s) return (s:gsub(".", "01")) end
fake.write = function(_, text)
  written[#written + 1] = text
  return true
end
fake.names = { "reports/console.lua", "reports/json.lua", "reports/junit.lua", "reports/lines.lua", "reports/github.lua",
  "reports/shared/build.lua" }

local function reporter(name)
  return { write = function(results) return name .. ":" .. results.text end }
end

-- A report that grows: begin and progress write to where their context says.
local lines = { streamed = true, begin = function(context) context.write "begin\n" end,
  progress = function(context, event) context.write(event .. "\n") end,
  finish = function(_, results) return "end " .. results.text end, write = function(results) return "whole " .. results.text end }
local console = reporter "console"
local options_of_console
function console.write(results, options)
  options_of_console = options
  return "console:" .. results.text
end

local load = fake.modules { ["reports.console"] = console, ["reports.json"] = reporter "json",
  ["reports.junit"] = reporter "junit", ["reports.lines"] = lines,
  ["reports.github"] = { beside = true, write = function() return "::error::x" end } }
local reporting = load "reporting"

local function read(path)
  local file = io.open(path)
  local text = file and file:read "a"
  if file then
    file:close()
  end
  return text
end

local function names_of(list)
  local names = {}
  for i, report in ipairs(list) do
    names[i] = report.format .. "=" .. (report.file or "-")
  end
  return table.concat(names, " ")
end

local PLANS = {
  { {}, "console=-" }, { { { format = "json" } }, "json=-" },
  { { { format = "junit", file = "x" } }, "console=- junit=x" },
  { { { format = "json", file = "-" }, { format = "junit", file = "x" } }, "json=- junit=x" },
}

describe("reporting", function()
  for _, row in ipairs(PLANS) do
    it("plans " .. row[2], function()
      assert.are.equal(row[2], names_of(assert(reporting.plan(row[1], true))))
    end)
  end

  it("refuses unknown formats and two on standard output", function()
    assert.is_truthy(select(2, reporting.plan { { format = "junti" } }):find("did you mean 'junit'", 1, true))
    assert.is_truthy(select(2, reporting.plan { { format = "x/../../y" } }):find("no format", 1, true))
    assert.is_truthy(select(2, reporting.plan { { format = "json" }, { format = "junit" } }):find("both", 1, true))
  end)

  it("refuses two reports to the same file, but not to the same device", function()
    local function plan(a, b)
      return reporting.plan { { format = "json", file = a }, { format = "junit", file = b } }
    end
    assert.are.equal("--report: both json and junit go to ./x\\x0a", select(2, plan("x\n", "./x\n")))
    assert.is_truthy(plan("x", "y"))
    assert.is_truthy(plan("/dev/null", "/dev/null"))
  end)

  it("writes all that can be written", function()
    local directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    local good = directory .. "/good"
    local list = assert(reporting.plan({ { format = "junit", file = "/nonexistent/x" }, { format = "json", file = good } }, true))
    written = {}
    local problems = reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {}))
    assert.are.equal(1, #problems)
    assert.is_truthy(problems[1]:find("junit could not be written: /nonexistent/x", 1, true), problems[1])
    assert.are.equal("json:R", read(good))
    assert.are.same({ "console:R" }, written)
    local listing = io.popen("ls -A " .. directory):read "a"
    assert.are.equal("good\n", listing)
    os.remove(good)
    os.remove(directory)
  end)

  local function in_directory(test)
    local directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    test(directory .. "/")
    os.execute("rm -r " .. directory)
  end

  it("knows before the run what cannot be written, and tells the others", function()
    in_directory(function(at)
      local list = assert(reporting.plan({ { format = "junit", file = at }, { format = "json", file = at .. "good" },
        { format = "lines", file = at .. "none/x" } }, true))
      local problems = reporting.prepare(list)
      assert.are.same({ "the report junit could not be written: " .. at .. ": Is a directory",
        "the report lines could not be written: " .. at .. "none/x: No such file or directory" }, problems)
      assert.are.equal("", io.popen("ls -A " .. at):read "a")
      written = {}
      local context = reporting.context({ color = "never" }, {})
      reporting.live(list, "begin", context)
      local late, lost = reporting.write(list, { text = "R" }, context)
      assert.are.same({ {}, 2 }, { late, lost })
      assert.are.same({ "junit", "lines" }, options_of_console.lost)
      assert.are.equal("json:R", read(at .. "good"))
    end)
  end)

  it("lets a file grow while the run goes on", function()
    in_directory(function(at)
      local path = at .. "grows"
      local before = assert(io.open(path, "w"))
      before:write "what was there"
      before:close()
      local list = assert(reporting.plan({ { format = "lines", file = path } }, true))
      assert.are.same({}, reporting.prepare(list))
      assert.are.equal("what was there", read(path))
      local context = reporting.context({ color = "never" }, {})
      written = {}
      reporting.live(list, "begin", context)
      reporting.live(list, "progress", context, "one")
      assert.are.equal("begin\none\n", read(path))
      assert.are.same({}, reporting.write(list, { text = "R" }, context))
      assert.are.equal("begin\none\nend R", read(path))
      assert.are.same({ "console:R" }, written)
    end)
  end)

  it("writes a growing report at once where there was no run", function()
    in_directory(function(at)
      local list = assert(reporting.plan({ { format = "lines", file = at .. "x" } }, true))
      reporting.prepare(list)
      assert.are.same({}, reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {})))
      assert.are.equal("whole R", read(at .. "x"))
    end)
  end)

  it("has annotations behind the console report, and nowhere in a report for programs", function()
    local list = assert(reporting.plan({ { format = "github" } }, true))
    assert.are.equal("console=- github=-", names_of(list))
    written = {}
    assert.are.same({}, reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {})))
    assert.are.same({ "::stop-commands::0101", "console:R" }, { written[1]:sub(1, 21), written[2] })
    assert.is_truthy(written[3]:find "^::%x+::\n::error::x$")
  end)

  it("writes to devices as they are", function()
    local list = assert(reporting.plan({ { format = "json", file = "/dev/null" } }, true))
    assert.are.same({}, reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {})))
    assert.are.equal("", read "/dev/null")
  end)

  it("says that the disk is full", function()
    local list = assert(reporting.plan({ { format = "json", file = "/dev/full" } }, true))
    local problems = reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {}))
    assert.is_truthy(problems[1]:find("No space left", 1, true), problems[1])
  end)
end)
