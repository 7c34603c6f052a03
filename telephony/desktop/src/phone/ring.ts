/** The sound of a ringing phone, made here so that nothing is fetched. */

const TONES = [440, 480]; // Hz
const LOUDNESS = 0.08;
const RINGS = 1; // seconds
const EVERY = 3_000; // ms

/** Ring until the answer is called; silent where the browser plays nothing before a click. */
export function ring(): () => void {
  const context = new AudioContext();
  const once = () => {
    const gain = context.createGain();
    gain.gain.value = LOUDNESS;
    gain.connect(context.destination);
    for (const tone of TONES) {
      const oscillator = context.createOscillator();
      oscillator.frequency.value = tone;
      oscillator.connect(gain);
      oscillator.start();
      oscillator.stop(context.currentTime + RINGS);
    }
  };
  once();
  const timer = setInterval(once, EVERY);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
