-- Writes the pages that tests/browser/run.py opens into a directory.
dofile "tests/lua/setup.lua"
local data = dofile "tests/lua/results_data.lua"
local html = require "h2probe.reports.html"
local html_data = dofile "tests/lua/html_data.lua"

local directory = assert(arg[1], "pages.lua DIRECTORY")

local function write(name, page)
  local file = assert(io.open(("%s/%s.html"):format(directory, name), "wb"))
  assert(file:write(page))
  assert(file:close())
end

write("verdicts", html.write(data.verdicts()))
write("many", html.write(html_data.many(1000)))
write("hostile", html.write(html_data.hostile()))
write("octets", html.write(data.hostile()))
write("comparison", html.compare(html_data.columns()))
write("many-comparison", html.compare { { label = "one", results = html_data.many(1000) },
  { label = "two", results = html_data.many(997) } })
write("hostile-comparison", html.compare { { label = html_data.ATTACKS[1], results = html_data.hostile() },
  { label = html_data.ATTACKS[6], results = html_data.hostile(html_data.ATTACKS[2]) } })
