// Streams: one thread each, which carries out what is queued. Events, captures and graphs are
// made of the same operations.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace lnrnn::emulator {

class Machine;

// A moment in a stream that others wait for.
class Completion {
 public:
  void set();
  void wait();
  bool done();
  std::chrono::steady_clock::time_point time();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::chrono::steady_clock::time_point time_;
};

// Can be carried out more than once: graphs do.
struct Operation {
  std::function<void(Machine& machine, uint64_t seed)> work;
  bool even_if_lost = false;  // also after an error that is sticky
  bool is_work = true;        // a stream with none left is idle
};

class Worker {
 public:
  // Throws std::system_error where no thread can be started.
  explicit Worker(uint64_t number);
  ~Worker();  // carries out what is queued first
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void push(Operation operation);
  bool idle();
  // To end without being waited for: the thread deletes the worker when it has done what is queued.
  static void retire(std::unique_ptr<Worker> worker);
  static void wait_for_retired();

 private:
  void run();

  const uint64_t number_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Operation> queue_;
  size_t work_left_ = 0;
  bool stopping_ = false, retired_ = false;
  std::thread thread_;
};

// ---- capture ---------------------------------------------------------------------------------------

// For each stream of a capture, how many of its operations come before.
using Clock = std::map<int, int>;

struct Node {
  Operation operation;
  int stream;  // as numbered in the capture
  Clock before;
};

struct Capture {
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  bool valid = true;
  int streams = 0;
  std::vector<Node> nodes;
  Clock recorded;  // all
  std::vector<cudaStream_t> members;
  std::atomic<int> calls{0};  // that record into it at this moment
};

// A call that records into a capture, or ends it. CUDA leaves it to the caller that these come one
// after the other: two at once are the device's end here. Not under handles().
class Recording {
 public:
  // Into the event's capture, for a stream that joins it, or else the stream's.
  explicit Recording(cudaStream_t stream, cudaEvent_t event = nullptr);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  std::shared_ptr<Capture> capture_;  // null: there is none
};

void run_graph(const std::vector<Node>& nodes, Machine& machine, uint64_t seed);

// ---- handles ---------------------------------------------------------------------------------------

// One lock for the handles and what hangs on them. Never held while waiting.
std::mutex& handles();

// nullptr is the default stream. Null if there is no such stream. Under handles().
CUstream_st* find_stream(cudaStream_t stream);
CUevent_st* find_event(cudaEvent_t event);

// Queues, or records where the stream captures. Under handles().
cudaError_t submit(CUstream_st& stream, Operation operation);
// A moment after all that is queued. Under handles().
std::shared_ptr<Completion> mark(CUstream_st& stream);
// As enter(), for a call that may synchronise: cudaErrorStreamCaptureUnsupported, and the end of the
// capture, where its mode forbids that. Not under handles().
cudaError_t enter_between_captures();

void wait_for_all_streams();
// How many there are.
std::string count_streams_and_events();
std::string count_graphs();
std::string count_pools();
// Schedules follow from the seed and a stream's number: from here on, as in a new process.
void number_streams_anew();

}  // namespace lnrnn::emulator

struct CUstream_st {
  int device = 0;
  std::unique_ptr<lnrnn::emulator::Worker> worker;
  std::shared_ptr<lnrnn::emulator::Capture> capture;
  bool began_capture = false;
  int number_in_capture = 0;
  lnrnn::emulator::Clock clock;  // what its next operation in the capture comes after
};

struct CUevent_st {
  int device = 0;
  unsigned flags = 0;
  std::shared_ptr<lnrnn::emulator::Completion> completion;  // of the last record
  std::shared_ptr<lnrnn::emulator::Capture> capture;        // or where it was recorded
  lnrnn::emulator::Clock clock;
};

struct CUgraph_st {
  std::shared_ptr<const std::vector<lnrnn::emulator::Node>> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<lnrnn::emulator::Node>> nodes;
  std::shared_ptr<lnrnn::emulator::Completion> last;  // launches of one graph follow each other
};
