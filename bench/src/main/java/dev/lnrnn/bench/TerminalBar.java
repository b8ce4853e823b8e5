package dev.lnrnn.bench;

import java.io.Console;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** One line that redraws itself, where there is somebody to watch it. */
public final class TerminalBar {

    private TerminalBar() {}

    /** A bar of so many steps; empty where the output is not a terminal. */
    public static Optional<ProgressBar> of(String task, int steps) {
        Console console = System.console();
        if (console == null || !console.isTerminal()) {
            return Optional.empty();
        }
        return Optional.of(new ProgressBarBuilder().setTaskName(task).setInitialMax(steps)
                .setStyle(ProgressBarStyle.ASCII).setUpdateIntervalMillis(200).build());
    }
}
