#include "team.h"

#include <algorithm>
#include <utility>

#include "os.h"

namespace lnrnn::cpu {

namespace {

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// So few that asking for the time would take longer.
template <class Condition>
bool glance_until(const Condition& condition, int glances) {
  for (int i = 0; i < glances; ++i) {
    if (condition()) return true;
    pause_cpu();
  }
  return false;
}

constexpr int kGlances = 32;

// A number that no other thread ever has: std::thread::id comes again when its thread has ended.
uint64_t this_thread() {
  static std::atomic<uint64_t> last{0};
  thread_local const uint64_t number = ++last;
  return number;
}

// Time in jobs after which it is asked whether help pays.
constexpr std::chrono::milliseconds kAccounted{1};

}  // namespace

void Bell::sleep(uint32_t seen) const { os::sleep_while(rings_, seen); }

void Bell::wake() {
  rings_.fetch_add(1);
  os::wake_all(rings_);
}

template <class Condition>
bool Patience::spin_until(const Condition& condition) {
  if (glance_until(condition, kGlances)) return true;
  began_ = Clock::now();
  const Clock::time_point end = began_ + limit_;
  do {
    if (glance_until(condition, kGlances)) return true;
  } while (Clock::now() < end);
  return condition();
}

// More patience would have helped where the wait was hardly longer than it takes to fall asleep and
// to be woken. Where it was much longer the core was somebody else's, and is so again.
void Patience::took(Clock::duration wait) {
  limit_ = std::clamp<Clock::duration>(wait < 3 * kMost ? 2 * limit_ : limit_ / 2, kLeast, kMost);
}

// ---- Phases --------------------------------------------------------------------------------------

void Phases::run_shares(Share share, const void* f, int64_t parts) {
  const uint64_t phase = ++phase_;
  if (left_) return;
  const int shares = static_cast<int>(std::clamp<int64_t>(parts, 1, team_->size_));
  if (index_ == 0) {
    team_->lead(phase, shares, share, f);
  } else {
    team_->help(*this, shares, share, f);
  }
}

bool Team::take(int index, uint64_t phase, Phases::Share share, const void* f) {
  std::atomic<uint64_t>& last = claims_[static_cast<size_t>(index)].phase;
  uint64_t before = last.load();
  if (before >= phase || !last.compare_exchange_strong(before, phase)) return false;
  share(f, Crew{index, size_});
  finish(phase, 1);
  return true;
}

void Team::finish(uint64_t phase, int shares) {
  const uint64_t finished = finished_.fetch_add(static_cast<uint64_t>(shares)) + shares;
  if (finished == phase * static_cast<uint64_t>(size_)) of_caller_.ring();
}

// ---- The calling thread --------------------------------------------------------------------------

Team::Team(int threads) : size_(threads), claims_(new Claim[static_cast<size_t>(threads)]) {
  helpers_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int index = 1; index < threads; ++index) {
      helpers_.emplace_back([this, index] { work(index); });
    }
  } catch (...) {
    stop();
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  stopping_.store(true);
  of_helpers_.ring();
  for (std::thread& helper : helpers_) helper.join();
}

void Team::run_job(Job job, const void* body) {
  job_ = job;
  body_ = body;
  // Each thread has a clock of its own.
  if (const uint64_t caller = this_thread(); caller != caller_) {
    caller_ = caller;
    cpu_ = os::thread_time();
    account_ = {};
  }
  since_ = Clock::now();
  alone_ = alone_ && since_ < alone_until_;
  const uint64_t next = static_cast<uint64_t>(number(state_.load()) + 1) << 32;
  state_.store(alone_ ? next : next | kOpen);
  if (!alone_) of_helpers_.ring();
  Phases phases(this, 0, first_phase_, nullptr);
  job(body, phases);
  state_.fetch_and(~kOpen);
  wait(for_helpers_, [&] { return (state_.load() & kInside) == 0; });
  first_phase_ = phases.phase_;
  const Clock::time_point now = Clock::now();
  account_.wall += now - since_;
  if (account_.wall >= kAccounted) settle(now);
}

// Share 0 is nobody else's.
void Team::lead(uint64_t phase, int parts, Phases::Share share, const void* f) {
  if (alone_ && Clock::now() >= alone_until_) {
    alone_ = false;
    state_.fetch_or(kOpen);
  }
  if (!alone_) of_helpers_.ring();
  share(f, Crew{0, size_});
  finish(phase, 1 + size_ - parts);
  account_.shares += parts;
  account_.taken += 1;
  if (parts == 1) return;

  const auto over = [&] { return is_over(phase); };
  // To look at another thread's claims costs it as much as a meeting.
  const bool all_here = !missed_ && (state_.load() & kInside) + 1 == static_cast<uint64_t>(size_);
  if (all_here ? glance_until(over, kGlances) : over()) return;
  missed_ = false;
  for (int index = 1; index < parts; ++index) {
    if (!take(index, phase, share, f)) continue;
    account_.taken += 1;
    missed_ = true;
  }
  if (over() || !wait(for_shares_, over)) return;
  const Clock::time_point now = Clock::now();
  account_.wall += now - since_;
  since_ = now;
  if (account_.wall >= kAccounted) settle(now);
}

template <class Condition>
bool Team::wait(Patience& patience, const Condition& condition) {
  if (patience.spin_until(condition)) return false;
  of_caller_.sleep_until(condition);
  const Clock::duration whole = Clock::now() - patience.began();
  patience.took(whole);
  account_.lost += whole;
  return true;
}

// Help has paid where the caller alone would have taken longer: for each share as long as for those
// that it did carry out, at the rate at which it gets a core when it is alone. Where help has not paid,
// because helpers lost their cores in the midst of a share or took the caller's, the caller goes on
// alone for many times what was lost, and then tries again.
void Team::settle(Clock::time_point now) {
  constexpr int kTimesLost = 32;
  constexpr std::chrono::milliseconds kMostCredit{10}, kLongestAlone{2000}, kRemembered{200};
  if (account_.taken == 0) return;
  const std::chrono::nanoseconds cpu = os::thread_time();
  const Account account = std::exchange(account_, Account{});
  // Between jobs the thread may have worked on something else.
  const Clock::duration working =
      std::min<Clock::duration>(cpu - cpu_, account.wall - account.lost);
  cpu_ = cpu;
  Clock::duration gain = -account.lost;
  if (account.taken == account.shares) {
    alone_wall_ += account.wall - account.lost;
    alone_cpu_ += working;
    for (; alone_wall_ > kRemembered; alone_wall_ /= 2) alone_cpu_ /= 2;
  } else {
    const double times = static_cast<double>(account.shares) / static_cast<double>(account.taken) *
                         static_cast<double>(alone_wall_.count()) /
                         static_cast<double>(std::max<Clock::rep>(alone_cpu_.count(), 1));
    gain = std::chrono::duration_cast<Clock::duration>(working * times) - account.wall;
  }
  // Shares are not all equal, so what seems to be gained may be half of that.
  credit_ = std::min<Clock::duration>(credit_ + (gain.count() > 0 ? gain / 2 : gain), kMostCredit);
  if (credit_.count() >= 0) return;
  alone_ = true;
  alone_until_ = now + std::min<Clock::duration>(-credit_ * kTimesLost, kLongestAlone);
  credit_ = {};
  state_.fetch_and(~kOpen);
}

// ---- A helper ------------------------------------------------------------------------------------

void Team::help(Phases& phases, int parts, Phases::Share share, const void* f) {
  const uint64_t phase = phases.phase_;
  const auto over = [&] { return is_over(phase); };
  const auto closed = [&] { return (state_.load() & kOpen) == 0; };
  if (over()) return;  // it came late
  if (!closed()) {
    if (phases.index_ < parts) take(phases.index_, phase, share, f);
    const auto enough = [&] { return over() || closed(); };
    if (parts > 2 && !glance_until(enough, kGlances)) {
      for (int index = 1; index < parts; ++index) take(index, phase, share, f);
    }
    const bool in_time = phases.patience_->spin_until(enough);
    if (over()) return;
    if (!in_time) phases.resume_at_ = phase;
  }
  phases.left_ = true;
}

void Team::work(int index) {
  Patience between, inside;
  uint32_t served = 0;     // the last job that wants nothing more of this thread
  uint64_t resume_at = 0;  // nothing is to be done here before this phase is over
  const auto may_enter = [&](uint64_t state) {
    return (state & kOpen) != 0 && number(state) != served;
  };
  const auto wanted = [&] {
    return stopping_.load() || (may_enter(state_.load()) && is_over(resume_at));
  };
  for (bool left = false;;) {
    Patience& patience = resume_at != 0 ? inside : between;
    if (left || !patience.spin_until(wanted)) {
      of_helpers_.sleep_until(wanted);
      if (!left || resume_at != 0) patience.took(Clock::now() - patience.began());
    }
    if (stopping_.load()) return;
    uint64_t state = state_.load();
    while (may_enter(state) && !state_.compare_exchange_weak(state, state + 1)) {
    }
    if (!may_enter(state)) continue;

    Phases phases(this, index, first_phase_, &inside);
    job_(body_, phases);
    left = phases.left_;
    resume_at = phases.resume_at_;
    if (!left) served = number(state);
    if ((state_.fetch_sub(1) & (kOpen | kInside)) == 1) of_caller_.ring();
  }
}

}  // namespace lnrnn::cpu
