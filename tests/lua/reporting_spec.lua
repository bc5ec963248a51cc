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
fake.names = { "reports/console.lua", "reports/json.lua", "reports/junit.lua" }

local function reporter(name)
  return { write = function(results) return name .. ":" .. results.text end }
end

local load = fake.modules { ["reports.console"] = reporter "console", ["reports.json"] = reporter "json",
  ["reports.junit"] = reporter "junit" }
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
      assert.are.equal(row[2], names_of(assert(reporting.plan(row[1]))))
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
    local list = assert(reporting.plan { { format = "junit", file = "/nonexistent/x" }, { format = "json", file = good } })
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

  it("writes to devices as they are", function()
    local list = assert(reporting.plan { { format = "json", file = "/dev/null" } })
    assert.are.same({}, reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {})))
    assert.are.equal("", read "/dev/null")
  end)

  it("says that the disk is full", function()
    local list = assert(reporting.plan { { format = "json", file = "/dev/full" } })
    local problems = reporting.write(list, { text = "R" }, reporting.context({ color = "never" }, {}))
    assert.is_truthy(problems[1]:find("No space left", 1, true), problems[1])
  end)
end)
