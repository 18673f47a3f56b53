import { createContext, Script } from 'node:vm';
import type { Host } from '../../inventory/inventory.ts';
import { quoteHost } from '../trouble.ts';
import { QUESTION_CHARS, QUESTION_PATTERN_MS } from './limits.ts';

export interface Question {
  readonly prompt: string;
  /** Whether what is typed would be seen. */
  readonly echo?: boolean;
}

/**
 * A keyboard-interactive host asks in words of its own, and the password is a secret: it is given to one
 * hidden question that the inventory names or that asks for a plain password, and to no other. Undefined
 * where it may be given, else why not.
 */
export function findQuestionFault(
  questions: readonly Question[],
  around: string,
  host: Pick<Host, 'user' | 'prompt'>,
): string | undefined {
  const [question] = questions;
  const quoted = questions
    .slice(0, 3)
    .map(({ prompt }) => quoteHost(prompt))
    .join(', ');
  if (question === undefined || questions.length > 1) return `${questions.length} things at once (${quoted})`;
  if (question.echo === true) return `for something that would be seen as it is typed (${quoted})`;
  if (question.prompt.length > QUESTION_CHARS)
    return `a question of more than ${QUESTION_CHARS} characters (${quoted})`;
  if (speaksOfCode(question.prompt) || speaksOfCode(around.slice(0, QUESTION_CHARS))) {
    return `for a second factor (${quoted})`;
  }
  if (host.prompt !== undefined && matchesInTime(host.prompt, question.prompt.trim())) return undefined;
  if (isPlainPasswordPrompt(question.prompt, host.user)) return undefined;
  return `${quoted}, which is not known to be a question for the password; if it is one, say so in the inventory: prompt = PATTERN`;
}

/** Words of one-time secrets, as they are asked for where SSH is used. Whatever stands beside them, it is no password. */
const CODE_WORDS = new RegExp(
  [
    '(?<![\\p{L}\\p{N}])(?:code|códigos?|codice|kode?|kód|κωδικός μίας χρήσης|token|otp|totp|hotp|pin|tan|2fa|mfa|sms|duo|securid|yubikey|challenge|factor)(?![\\p{L}])',
    'passcode|one[- ]?time|authenticator|verif|two[- ]factor|second factor|yubi',
    'einmal|bestätigungs|usage unique|un solo uso|uso único|monouso|jednoraz|jednorázov|одноразов|однораз|токен|(?<!\\p{L})код(?!\\p{L})|tek kullanım|engångs|engangs|eenmalig',
    '验证|驗證|校验|動態|动态|一次性|令牌|ワンタイム|コード|トークン|인증 ?번호|일회용|코드|토큰',
  ].join('|'),
  'iu',
);

function speaksOfCode(text: string): boolean {
  return CODE_WORDS.test(text.slice(0, QUESTION_CHARS).normalize('NFKC'));
}

/** The word for a password alone, lower case, as login programs and their translations ask for it. */
const PASSWORDS: ReadonlySet<string> = new Set([
  ...['password', 'passwd', 'unix password', 'ldap password', 'login password', 'passphrase'],
  ...['passwort', 'kennwort', 'mot de passe', 'contraseña', 'senha', 'palavra-passe', 'parola', 'parolă'],
  ...['wachtwoord', 'lösenord', 'passord', 'adgangskode', 'salasana', 'heslo', 'hasło', 'jelszó', 'geslo'],
  ...['lozinka', 'zaporka', 'şifre', 'пароль', 'парола', 'лозинка', 'συνθηματικό', 'mật khẩu', 'kata sandi'],
  ...['密码', '密碼', '口令', '登录密码', '登入密碼', 'パスワード', '암호', '비밀번호', 'รหัสผ่าน', 'पासवर्ड'],
  ...['סיסמה', 'كلمة المرور', 'كلمة السر', 'رمز عبور', 'گذرواژه'],
]);

/** `Password:`, `ops@web1's password:`, `Password for ops@web1:`, `请输入密码：`, and the like in other languages. */
export function isPlainPasswordPrompt(prompt: string, user: string): boolean {
  const isLogin = (name: string) => name === user.toLowerCase() || /^[^@]+@[^@]+$/.test(name);
  const unlessLogin = (whole: string, name: string) => (isLogin(name) ? '' : whole);
  const text = prompt
    .slice(0, QUESTION_CHARS)
    .normalize('NFKC')
    .toLowerCase()
    .trim()
    .replace(/[:>?] ?$/, '')
    .trim();
  const bare = text
    .replace(/^(?:please )?(?:enter|type) (?:your )?/, '')
    .replace(/^(?:请|請)?(?:输入|輸入)(?:您的|你的)?/, '')
    .replace(/^\(([^\s()]{1,100})\) /, unlessLogin)
    .replace(/^([^\s]{1,100}?)(?:'s |’s | ?的)/, unlessLogin)
    .replace(/ (?:for|für|de|pour|para|di|для) ([^\s()]{1,100})$/, unlessLogin)
    .replace(/ ?\(([^\s()]{1,100})\)$/, unlessLogin)
    .trim();
  return PASSWORDS.has(text) || PASSWORDS.has(bare);
}

/**
 * The inventory's pattern is the administrator's and the text the host's: together they can take for ever.
 * Nobody waits longer than the limit for a match; what takes longer is none.
 */
function matchesInTime(pattern: RegExp, text: string): boolean {
  try {
    const found: unknown = new Script('pattern.test(text)').runInContext(createContext({ pattern, text }), {
      timeout: QUESTION_PATTERN_MS,
    });
    return found === true;
  } catch {
    return false;
  }
}
