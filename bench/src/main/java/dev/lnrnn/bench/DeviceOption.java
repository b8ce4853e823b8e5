package dev.lnrnn.bench;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --device}, alike in every command that computes. */
public final class DeviceOption {

    private static final String CPU = "cpu";

    @Option(names = "--device", paramLabel = "cpu|cuda:N",
            description = "The device: cpu, or cuda:N for a GPU. Default: the best available device.")
    private @Nullable String name;

    /** Opens the device asked for; threads and instruction set apply to the CPU alone. */
    public Device open(DeviceOptions cpuOptions) {
        try {
            return name == null ? best(cpuOptions)
                    : name.equals(CPU) ? Device.open(CPU, cpuOptions) : Device.open(name);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(e);
        }
    }

    private static Device best(DeviceOptions cpuOptions) {
        Device best = Device.best();
        if (!best.info().name().equals(CPU)) {
            return best;
        }
        best.close();
        return Device.open(CPU, cpuOptions);
    }
}
