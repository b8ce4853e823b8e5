package dev.lnrnn.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lnrnn.CudaInfo;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceInfo;
import dev.lnrnn.Library;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What there is to compute with. */
@Command(name = "info",
        description = "Print versions, devices, instruction sets, threads, and the path of the native library.")
final class InfoCommand implements Callable<Integer> {

    private static final double GIB = 1L << 30;

    /** What is printed. {@code unavailable} has why devices cannot be used, by their names. */
    record Info(String version, int abiVersion, String library, String java, String os, String arch,
            List<Processor> devices, Map<String, String> unavailable) {

        static Info collect() {
            return new Info(Library.version(), Library.abiVersion(), Library.location(),
                    System.getProperty("java.runtime.version"), System.getProperty("os.name"),
                    System.getProperty("os.arch"), Device.available().stream().map(Processor::of).toList(),
                    Device.unavailable());
        }
    }

    /** {@code cuda} is null for the CPU. */
    record Processor(String name, String description, String isa, List<String> isaAvailable, int threads,
            String threadsFrom, int maxThreads, long totalMemory, @Nullable Cuda cuda) {

        static Processor of(DeviceInfo device) {
            CudaInfo cuda = device.cuda();
            return new Processor(device.name(), device.description(), device.isa(), device.isaAvailable(),
                    device.threads(), device.threadsFrom(), device.maxThreads(), device.totalMemory(),
                    cuda == null ? null : Cuda.of(cuda));
        }
    }

    /** {@code cublasVersion} is null where there is none. */
    record Cuda(String computeCapability, int multiprocessors, String driverVersion, String runtimeVersion,
            @Nullable String cublasVersion) {

        static Cuda of(CudaInfo cuda) {
            return new Cuda(cuda.computeCapability(), cuda.multiprocessors(), cuda.driverVersion(),
                    cuda.runtimeVersion(), cuda.cublasVersion());
        }
    }

    @Option(names = "--json", description = "Print JSON, for programs.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Info info = Info.collect();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT)
                    .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).writeValueAsString(info));
        } else {
            print(info, out);
        }
        out.flush();
        return ExitCode.OK;
    }

    private static void print(Info info, PrintWriter out) {
        out.printf("lnrnn    %s, ABI %d%n", info.version(), info.abiVersion());
        out.printf("library  %s%n", info.library());
        out.printf("java     %s on %s %s%n", info.java(), info.os(), info.arch());
        for (Processor device : info.devices()) {
            out.printf(Locale.ROOT, "%-8s %s, %.1f GiB%n", device.name(), device.description(),
                    device.totalMemory() / GIB);
            Cuda cuda = device.cuda();
            if (cuda == null) {
                out.printf("         instruction set %s of %s; %d threads of %d (%s)%n", device.isa(),
                        String.join(", ", device.isaAvailable()), device.threads(), device.maxThreads(),
                        device.threadsFrom());
            } else {
                out.printf("         kernels %s of %s; compute capability %s, %d multiprocessors%n", device.isa(),
                        String.join(", ", device.isaAvailable()), cuda.computeCapability(), cuda.multiprocessors());
                out.printf("         driver for CUDA %s, built with CUDA %s, %s%n", cuda.driverVersion(),
                        cuda.runtimeVersion(),
                        cuda.cublasVersion() == null ? "no cuBLAS found" : "cuBLAS " + cuda.cublasVersion());
            }
        }
        info.unavailable().forEach((name, reason) -> out.printf("%-8s %s%n", name, reason));
    }
}
