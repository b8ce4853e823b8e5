package dev.lnrnn.bench;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --device}, alike in every command that computes. */
public final class DeviceOption {

    @Option(names = "--device", paramLabel = "cpu|cuda:N",
            description = "Where to compute. Default: the best device there is.")
    private @Nullable String name;

    /** Opens the device asked for; threads and instruction set apply to the CPU alone. */
    public Device open(DeviceOptions cpuOptions) {
        if (name == null) {
            // Chosen by opening it once, so that the options reach the CPU and only the CPU.
            try (Device best = Device.best()) {
                name = best.info().name();
            }
        }
        if (name.equals("cpu")) {
            return Device.open(name, cpuOptions);
        }
        String reason = Device.unavailableReason(name);
        if (reason != null) {
            throw new BadInputException(reason);
        }
        return Device.open(name);
    }
}
