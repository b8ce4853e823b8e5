package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.DeviceOption;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where to train, and for how long. */
final class RunOptions {

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0",
            description = "CPU threads; 0 for as many as the process may keep busy. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(names = "--epochs", paramLabel = "N", defaultValue = "300",
            description = "Passes over the training part of the series. Default: ${DEFAULT-VALUE}.")
    private int epochs;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1",
            description = "Seed; the same seed and number of threads give the same results. Default: ${DEFAULT-VALUE}.")
    private long seed;

    int epochs() {
        requireAtLeastOne("--epochs", epochs);
        return epochs;
    }

    long seed() {
        return seed;
    }

    Device open() {
        try {
            return device.open(DeviceOptions.DEFAULTS.withThreads(threads));
        } catch (IllegalArgumentException e) {
            throw new BadInputException(e);
        }
    }

    static void requireAtLeastOne(String option, int value) {
        if (value < 1) {
            throw new BadInputException(option + " is " + value + "; expected at least 1.");
        }
    }
}
