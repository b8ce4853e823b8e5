// No file that somebody writes is longer than a reader keeps in mind: 400 lines. Walks through the whole
// repository where it is there.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "check.h"

namespace {

namespace fs = std::filesystem;

constexpr long kMost = 400;

// The contract is read from top to bottom, and stays in one piece.
const std::set<std::string> kMayBeLong = {"kernels-cu/include/lnrnn.h"};
const std::set<std::string> kExtensions = {".c", ".cpp", ".cu", ".cuh", ".h", ".java", ".sh"};
// Folders of what programs write, and of what is not ours.
const std::set<std::string> kElsewhere = {".git", "generated", "target", "shared"};

long count_lines(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
}

std::map<std::string, long> lengths_in(const fs::path& root) {
  std::map<std::string, long> lengths;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
    if (at->is_directory() && kElsewhere.count(at->path().filename().string()) != 0) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file() && kExtensions.count(at->path().extension().string()) != 0) {
      lengths[fs::relative(at->path(), root).generic_string()] = count_lines(at->path());
    }
  }
  return lengths;
}

void require(bool holds, const std::string& sentence) {
  check::report(holds, __FILE__, __LINE__, sentence.c_str());
}

}  // namespace

int main(int, char** arguments) {
  const auto lengths = lengths_in(arguments[1]);
  require(lengths.size() > 200, "the sources are found");
  for (const auto& [file, lines] : lengths) {
    if (kMayBeLong.count(file) != 0) continue;
    require(lines <= kMost,
            file + " has " + std::to_string(lines) + " lines, more than " + std::to_string(kMost));
  }
  return check::summary();
}
