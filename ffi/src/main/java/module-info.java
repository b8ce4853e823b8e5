/**
 * Layer-normalised recurrent networks (LSTM, GRU, IndRNN) for Java, computed by one native library.
 *
 * <p>{@link dev.lnrnn} has devices, layers and passes, {@link dev.lnrnn.memory} the kinds of memory that they work
 * on, {@link dev.lnrnn.interop} file formats. The native library is called through {@link java.lang.foreign}, so the
 * program is started with {@code --enable-native-access=dev.lnrnn} (or {@code ALL-UNNAMED} on the class path).
 */
module dev.lnrnn {
    requires com.fasterxml.jackson.core;
    // Has no classes: it brings the jar with the native library along on the module path.
    requires dev.lnrnn.natives;
    requires static org.jspecify;

    exports dev.lnrnn;
    exports dev.lnrnn.interop;
    exports dev.lnrnn.memory;
}
