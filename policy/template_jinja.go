package policy

// jinja is the template in the language of chat templates, for transformers and llama.cpp. It composes
// what Prompt composes.
func (t Template) jinja() string {
	switch t {
	case ChatML:
		return `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}` +
			`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`
	case HH:
		return `{{ bos_token }}{% for message in messages %}{% set name = 'Human' %}{% if message['role'] == 'assistant' %}{% set name = 'Assistant' %}` +
			`{% elif message['role'] == 'system' %}{% set name = 'System' %}{% endif %}{{ '\n\n' + name + ': ' + message['content'] }}{% endfor %}` +
			`{% if add_generation_prompt %}{{ '\n\nAssistant:' }}{% endif %}`
	}
	return `{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}`
}
