package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.TerminalBar;
import java.io.PrintWriter;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/** Shows what is being measured: a bar on a terminal, a line each elsewhere. */
final class Progress implements AutoCloseable {

    private final @Nullable ProgressBar bar;
    private final PrintWriter out;
    private final int tasks;
    private int begun;

    Progress(int tasks, PrintWriter out) {
        this.tasks = tasks;
        this.out = out;
        this.bar = TerminalBar.of("latency", tasks).orElse(null);
    }

    void begin(Task task) {
        if (bar != null) {
            bar.stepTo(begun);
            bar.setExtraMessage(" " + task.what());
        } else {
            out.println((begun + 1) + "/" + tasks + "  " + task.what());
            out.flush();
        }
        begun++;
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.stepTo(begun);
            bar.close();
        }
    }
}
