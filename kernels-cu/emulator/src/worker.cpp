// The threads behind streams.
#include <memory>

#include "device.h"
#include "machine.h"
#include "random.h"
#include "streams.h"

namespace lnrnn::emulator {

namespace {

// Workers that no handle names any more.
struct Retired {
  std::mutex mutex;
  std::condition_variable changed;
  int count = 0;
};

Retired& retired_workers() {
  static Retired& retired = *new Retired;  // never destroyed: threads may outlive static objects
  return retired;
}

}  // namespace

void Completion::set() {
  const std::lock_guard<std::mutex> lock(mutex_);
  done_ = true;
  time_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

void Completion::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
}

bool Completion::done() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return done_;
}

std::chrono::steady_clock::time_point Completion::time() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return time_;
}

Worker::Worker(uint64_t number) : number_(number), thread_([this] { run(); }) {}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Worker::retire(std::unique_ptr<Worker> worker) {
  {
    const std::lock_guard<std::mutex> lock(retired_workers().mutex);
    ++retired_workers().count;
  }
  Worker* self = worker.release();
  const std::lock_guard<std::mutex> lock(self->mutex_);
  self->thread_.detach();
  self->stopping_ = self->retired_ = true;
  self->changed_.notify_all();
}

void Worker::push(Operation operation) {
  const std::lock_guard<std::mutex> lock(mutex_);
  work_left_ += operation.is_work ? 1 : 0;
  queue_.push_back(std::move(operation));
  changed_.notify_one();
}

bool Worker::idle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return work_left_ == 0;
}

void Worker::run() {
  bool retired = false;
  {
    Machine machine;
    uint64_t count = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      bool was_work;
      {
        const Operation operation = std::move(queue_.front());
        queue_.pop_front();
        was_work = operation.is_work;
        lock.unlock();
        // The same for the same operation of the same stream, whatever others do meanwhile.
        const uint64_t own_seed = Random(seed() ^ number_ << 48 ^ ++count).next();
        if (operation.even_if_lost || sticky_error() == cudaSuccess)
          operation.work(machine, own_seed);
      }
      lock.lock();
      work_left_ -= was_work ? 1 : 0;
    }
    retired = retired_;
  }
  if (!retired) return;
  delete this;
  const std::lock_guard<std::mutex> lock(retired_workers().mutex);
  --retired_workers().count;
  retired_workers().changed.notify_all();
}

void Worker::wait_for_retired() {
  std::unique_lock<std::mutex> lock(retired_workers().mutex);
  retired_workers().changed.wait(lock, [] { return retired_workers().count == 0; });
}

// Any order that the dependences allow.
void run_graph(const std::vector<Node>& nodes, Machine& machine, uint64_t seed) {
  Random random(seed);
  std::map<int, std::deque<const Node*>> rest;
  for (const Node& node : nodes) rest[node.stream].push_back(&node);
  Clock done;
  std::vector<int> possible;
  for (size_t count = 0; count < nodes.size(); ++count) {
    possible.clear();
    for (const auto& [stream, queue] : rest) {
      if (queue.empty()) continue;
      bool ready = true;
      for (const auto& [other, before] : queue.front()->before) ready &= done[other] >= before;
      if (ready) possible.push_back(stream);
    }
    auto& queue = rest[possible[random.below(static_cast<uint32_t>(possible.size()))]];
    const Node& node = *queue.front();
    if (node.operation.even_if_lost || sticky_error() == cudaSuccess)
      node.operation.work(machine, random.next());
    queue.pop_front();
    ++done[node.stream];
  }
}

}  // namespace lnrnn::emulator
