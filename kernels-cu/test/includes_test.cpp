// Holds the rooms of src in their order: a file includes what stands in its own room or in one below, by the
// path from src where it is another room, and no two files include each other.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "check.h"

namespace {

namespace fs = std::filesystem;

// Each room with what it may include beside itself. The rooms of a backend stand on each other.
const std::map<std::string, std::set<std::string>> kBelow = {
    {"cell", {}},
    {"core", {"cell"}},
    {"cpu/machine", {"cell", "core"}},
    {"cpu/product", {"cell", "core", "cpu/machine"}},
    {"cpu/row", {"cell", "core", "cpu/machine", "cpu/product"}},
    {"cpu/isa", {"cell", "core", "cpu/machine", "cpu/product", "cpu/row"}},
    {"cpu/strand", {"cell", "core", "cpu/machine", "cpu/product", "cpu/row"}},
    {"cuda/machine", {"cell", "core"}},
    {"cuda/product", {"cell", "core", "cuda/machine"}},
    {"cuda/row", {"cell", "core", "cuda/machine", "cuda/product"}},
    {"cuda/cluster", {"cell", "core", "cuda/machine", "cuda/product", "cuda/row"}},
    {"cuda/strand", {"cell", "core", "cuda/machine", "cuda/product", "cuda/row", "cuda/cluster"}},
    {"cuda", {"core"}},
    {"api", {"core"}},
    {"", {}},
};

// Of other folders.
const std::set<std::string> kElsewhere = {"lnrnn.h", "emulated_block.h"};

void require(bool holds, const std::string& sentence) {
  check::report(holds, __FILE__, __LINE__, sentence.c_str());
}

std::string room_of(const std::string& file) {
  return fs::path(file).parent_path().generic_string();
}

std::vector<std::string> read_includes(const fs::path& file) {
  static const std::string kStart = "#include \"";
  std::ifstream in(file);
  std::vector<std::string> includes;
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, kStart.size(), kStart) != 0) continue;
    includes.push_back(line.substr(kStart.size(), line.find('"', kStart.size()) - kStart.size()));
  }
  return includes;
}

class Graph {
 public:
  explicit Graph(const fs::path& source) {
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh")
        continue;
      const std::string file = fs::relative(entry.path(), source).generic_string();
      files_[file] = read_includes(entry.path());
    }
  }

  size_t size() const { return files_.size(); }

  void check_directions() {
    for (auto& [file, includes] : files_) {
      const std::string room = room_of(file);
      require(kBelow.count(room) == 1, file + " stands in a room that has no line here");
      if (kBelow.count(room) == 0) continue;
      for (std::string& included : includes) {
        if (kElsewhere.count(included) != 0) continue;
        const bool same_room = included.find('/') == std::string::npos;
        if (same_room && !room.empty()) included = room + "/" + included;
        require(files_.count(included) == 1,
                file + " includes " + included + ", which is not there");
        if (same_room) continue;
        require(room_of(included) != room, file + " names its own room in " + included);
        require(kBelow.at(room).count(room_of(included)) == 1,
                file + " includes " + included + ", which is not below it");
      }
    }
  }

  void check_circles() {
    for (const auto& entry : files_) visit(entry.first);
  }

 private:
  void visit(const std::string& file) {
    if (done_.count(file) != 0 || files_.count(file) == 0) return;
    const bool first = open_.insert(file).second;
    require(first, file + " includes itself, through others");
    if (!first) return;
    for (const std::string& included : files_.at(file)) visit(included);
    open_.erase(file);
    done_.insert(file);
  }

  std::map<std::string, std::vector<std::string>> files_;  // with what each includes
  std::set<std::string> open_, done_;
};

}  // namespace

int main(int, char** arguments) {
  Graph graph(arguments[1]);
  require(graph.size() > 80, "the files of src are found");
  graph.check_directions();
  graph.check_circles();
  return check::summary();
}
